"""The content table: every name, noun, adjective and verb of Storyland, in English and Portuguese.

Spelling is Brazilian and follows the agreement of 1990 (`veem`, not `vêem`). No noun or adjective that may follow "a"
begins with a vowel, so "a" never needs to become "an". `word#sense` marks a word form that has two senses somewhere in
the table or in the frames; `_` joins what is written as several words; `^` labels are those of grammar.py. Of a verb
like "hit" or "cut", whose past looks like its present, only the past is used: a sentence shall have one meaning.
"""

NAMES = {
    "f": "Ana Alice Clara Eva Laura Lia Marta Nina Nora Olga Rita Sara",
    "m": "Bruno Daniel Felix Gabriel Hugo Ivo Leo Lucas Max Oscar Samuel Tom",
}

# Nouns by class: gender in Portuguese, English, Portuguese. A plural is made with -s unless it is given; "-": none.
NOUNS = {
    "Child": """
        m boy menino            f girl menina           m man/men homem/homens    f woman/women mulher/mulheres""",
    "Royal": """
        m king rei              f queen rainha          m prince príncipe         f princess/princesses princesa
        m wizard mago           f witch/witches bruxa   m giant gigante           f fairy/fairies fada""",
    "Animal": """
        m dog cachorro          m cat gato              m horse cavalo            m duck pato
        m rabbit coelho         m bear urso             m lion leão/leões         m wolf/wolves lobo
        f fox/foxes raposa      f turtle tartaruga      f cow vaca                f hen galinha
        f goat cabra            f giraffe girafa        f zebra zebra""",
    "Pet": "m dog cachorro      m cat gato              m rabbit coelho           f turtle tartaruga    f goat cabra",
    "Dog": "m dog cachorro",
    "Bird": "m bird pássaro     f bee abelha            f butterfly/butterflies borboleta",
    "Bat": "m bat#animal morcego",
    "Thing": """
        f ball bola             f doll boneca           f key chave               f box/boxes caixa
        f bicycle bicicleta     f basket cesta          f toothbrush/toothbrushes escova_de_dentes/escovas_de_dentes
        m book livro            m hat chapéu            m boat barco              m map mapa
        m mirror espelho        m coat casaco           m balloon balão/balões    m treasure tesouro
        m watch#clock/watches relógio                   m ring#jewel anel/anéis
        m teddy^1_bear^2/teddy^1_bears^2 urso^2_de^1_pelúcia^1/ursos^2_de^1_pelúcia^1""",
    "Food": """
        m cake bolo             f pear pera             f banana banana           m cookie biscoito
        f carrot cenoura        f mango/mangoes manga#fruit  m tomato/tomatoes tomate  f cherry/cherries cereja""",
    "Jewel": "m watch#clock/- relógio    m ring#jewel/- anel    f crown/- coroa    m necklace/- colar",
    "Worn": "m hat/- chapéu     m coat/- casaco         m scarf/- cachecol        f bag/- bolsa",
    "Toy": "f ball bola         f doll boneca           m balloon balão/balões    m boat barco",
    "Instrument": "m drum tambor/tambores   m piano piano   f flute flauta        m violin violino",
    "Vehicle": "m car carro     m truck caminhão/caminhões  m tractor trator/tratores",
    "Area": """
        m garden jardim/jardins f forest floresta       f village aldeia          m castle castelo
        f kitchen cozinha       f school escola         m park#place parque       m field campo
        m market mercado        f town cidade           f cave caverna            m barn celeiro""",
    "Landmark": """
        f tree árvore           m river rio             f bridge ponte            f tower torre
        m lake lago             f house casa            f mountain montanha       f church/churches igreja
        m wall muro             f fountain fonte        m gate portão/portões     m mill moinho""",
    "Cover": "f table mesa      f bed cama              f tree árvore             f bridge ponte",
    # For the frames below, each with the nouns that decide a sense.
    "Club": "m bat#club taco",
    "Bell": "m bell sino",
    "Leaf": "f leaf/leaves folha#leaf",
    "Bank": "m bank#money/- banco#money",
    "Shore": "f bank#river/- margem",
    "Bench": "m bench/- banco#bench",
    "Letter": "f letter#mail carta",
    "Sign": "f letter#alphabet/- letra",
    "Match": "m match#fire/- fósforo",
    "Game": "f match#game/- partida",
    "Candle": "f candle vela#candle",
    "Flame": "f lamp lamparina       f campfire fogueira",
    "Sail": "f sail vela#sail",
    "Ship": "m boat/- barco     m ship/- navio",
    "Nail": "m nail#metal prego",
    "Light": "f light#lamp luz/luzes",
    "Trunk": "m trunk#tree/- tronco",
    "Nose": "f trunk#elephant/- tromba",
    "Bark": "f bark#tree/- casca",
    "Plant": "f tree/- árvore    f palm_tree/- palmeira  m pine_tree/- pinheiro",
    "Elephant": "m elephant/- elefante",
    "Saw": "f saw#tool/- serra",
    "Wooden": "f wood/- madeira m branch/branches galho f board tábua             m trunk#tree/- tronco",
    "Fragile": "f window janela m mirror espelho        m plate prato",
    "Hittable": "f ball bola    f stone pedra           f can lata",
    "Water": "m river/- rio     m lake/- lago           m stream/- riacho",
    "Sleeve": "f sleeve manga#sleeve",
    "Garment": "m coat/- casaco m dress/- vestido       f shirt/- camisa          f jacket/- jaqueta",
    "Feather": "f feather pena#feather",
    "Net": "f net/- rede#net",
    "Hammock": "f hammock/- rede#hammock",
    "Song": "m song/- canto#song",
    "Singer": "m bird pássaro   m canary/canaries canário",
    "Corner": "m corner/- canto#corner",
    "Room": "f kitchen/- cozinha   m bedroom/- quarto    f library/- biblioteca",
    "Language": "f language/- língua#language",
    "Wall": "m wall/- muro",
}

# Adjectives by kind. Portuguese: a word in -o has four forms by rule; else singular/plural, or all of m f m-s f-s.
ADJECTIVES = {
    "creature": """
        big grande#big/grandes#big    small pequeno    brave corajoso    clever esperto    happy feliz/felizes
        sad triste/tristes    lazy preguiçoso    shy tímido    curious curioso    funny engraçado
        strong forte/fortes    young jovem/jovens    tired cansado    hungry faminto""",
    "thing": """
        red vermelho    blue azul/azuis    green verde/verdes    yellow amarelo    white branco    black preto
        purple roxo    new novo    big grande#big/grandes#big    small pequeno    beautiful bonito
        heavy pesado    light#weight leve/leves""",
    "place": """
        big grande#big/grandes#big    small pequeno    beautiful bonito    quiet tranquilo    dark escuro
        famous famoso    distant distante/distantes    cold frio""",
    "food": "big grande#big/grandes#big    small pequeno    sweet doce/doces    delicious delicioso    fresh fresco",
    "colour": "red vermelho    blue azul/azuis    green verde/verdes    yellow amarelo    white branco    black preto",
    "new": "new novo    strange estranho    beautiful bonito    difficult difícil/difíceis",
    "plant": "big grande#big/grandes#big    small pequeno    beautiful bonito    tall alto    green verde/verdes",
    "long": "long longo    short curto    beautiful bonito    sad triste/tristes    funny engraçado",
    # before the noun in Portuguese too
    "good": "good bom/boa/bons/boas    poor pobre/pobres",
    "great": "good bom/boa/bons/boas    great grande#great/grandes#great",
    # after "is": a passing state (estar) or a lasting trait (ser)
    "creature state": """
        tired cansado    sad triste/tristes    lost perdido    alone sozinho    sick doente/doentes    ready pronto
        wet molhado    hungry com_fome/com_fome    thirsty com_sede/com_sede    afraid com_medo/com_medo""",
    "creature trait": """
        brave corajoso    clever esperto    strong forte/fortes    shy tímido    curious curioso    tall alto
        funny engraçado    famous famoso    lazy preguiçoso    young jovem/jovens""",
    "thing state": "dirty sujo    clean limpo    wet molhado    lost perdido",
    "thing trait": """
        red vermelho    blue azul/azuis    green verde/verdes    new novo    beautiful bonito    heavy pesado
        light#weight leve/leves    big grande#big/grandes#big    small pequeno""",
}

# Verbs. English: present plural/singular/past (and past plural, if it differs). Portuguese: present singular/plural,
# past singular/plural.
VERBS = {
    "person": """
        sleep/sleeps/slept dorme/dormem/dormiu/dormiram        run/runs/ran corre/correm/correu/correram
        jump/jumps/jumped pula/pulam/pulou/pularam             sing/sings/sang canta/cantam/cantou/cantaram
        dance/dances/danced dança/dançam/dançou/dançaram       smile/smiles/smiled sorri/sorriem/sorriu/sorriram
        rest/rests/rested descansa/descansam/descansou/descansaram
        wake_up/wakes_up/woke_up acorda/acordam/acordou/acordaram
        cry/cries/cried chora/choram/chorou/choraram           laugh/laughs/laughed ri/riem/riu/riram
        work/works/worked trabalha/trabalham/trabalhou/trabalharam""",
    "animal": """
        sleep/sleeps/slept dorme/dormem/dormiu/dormiram        run/runs/ran corre/correm/correu/correram
        jump/jumps/jumped pula/pulam/pulou/pularam             wake_up/wakes_up/woke_up acorda/acordam/acordou/acordaram
        rest/rests/rested descansa/descansam/descansou/descansaram""",
    "person thing": """
        find/finds/found encontra/encontram/encontrou/encontraram
        look_for/looks_for/looked_for procura/procuram/procurou/procuraram
        lose/loses/lost perde/perdem/perdeu/perderam           draw/draws/drew desenha/desenham/desenhou/desenharam
        carry/carries/carried carrega/carregam/carregou/carregaram
        buy/buys/bought compra/compram/comprou/compraram       wash/washes/washed lava/lavam/lavou/lavaram
        hide/hides/hid esconde/escondem/escondeu/esconderam
        pick_up/picks_up/picked_up pega/pegam/pegou/pegaram    paint/paints/painted pinta/pintam/pintou/pintaram""",
    "animal thing": """
        find/finds/found encontra/encontram/encontrou/encontraram
        carry/carries/carried carrega/carregam/carregou/carregaram
        hide/hides/hid esconde/escondem/escondeu/esconderam""",
    "person creature": """
        see/sees/saw#see vê/veem/viu/viram                     hear/hears/heard ouve/ouvem/ouviu/ouviram
        follow/follows/followed segue/seguem/seguiu/seguiram   call/calls/called chama/chamam/chamou/chamaram
        help/helps/helped ajuda/ajudam/ajudou/ajudaram         hug/hugs/hugged abraça/abraçam/abraçou/abraçaram
        wait_for/waits_for/waited_for espera/esperam/esperou/esperaram
        watch#look/watches/watched observa/observam/observou/observaram""",
    "animal creature": """
        see/sees/saw#see vê/veem/viu/viram                     hear/hears/heard ouve/ouvem/ouviu/ouviram
        follow/follows/followed segue/seguem/seguiu/seguiram
        chase/chases/chased persegue/perseguem/perseguiu/perseguiram
        wait_for/waits_for/waited_for espera/esperam/esperou/esperaram
        watch#look/watches/watched observa/observam/observou/observaram""",
    "food": """
        eat/eats/ate come/comem/comeu/comeram                  taste/tastes/tasted prova/provam/provou/provaram
        bite/bites/bit morde/mordem/mordeu/morderam""",
    "give": "give/gives/gave dá/dão/deu/deram    bring/brings/brought traz/trazem/trouxe/trouxeram",
    "go": "go/goes/went vai/vão/foi/foram",
    "wear": "wear/wears/wore usa/usam/usou/usaram",
    "music": "play#music/plays/played toca#music/tocam/tocou/tocaram",
    "play": "play#game/plays/played brinca/brincam/brincou/brincaram",
    "park": "park#car/parks/parked estaciona/estacionam/estacionou/estacionaram",
    "keep": "keep/keeps/kept guarda/guardam/guardou/guardaram",
    "sleep": "sleep/sleeps/slept dorme/dormem/dormiu/dormiram",
    "want": "want/wants/wanted quer/querem/queria/queriam",
    "is": "are#trait/is/was/were é/são/era/eram",  # ser; its past is the imperfect, as in any description
    "is now": "are#state/is/was/were está/estão/estava/estavam",  # estar
    "fly": "fly/flies/flew voa/voam/voou/voaram",
    "bark": "bark#dog/barks/barked late/latem/latiu/latiram",
    "ring": "ring#sound/rings/rang toca#sound/tocam/tocou/tocaram",
    "fall": "fall/falls/fell cai/caem/caiu/caíram",
    "vanish": "disappear/disappears/disappeared desaparece/desaparecem/desapareceu/desapareceram",
}

# The verbs that take "de": gosta da bola, precisa de um mapa.
VERBS_WITH_DE = """
    like/likes/liked gosta/gostam/gostou/gostaram    need/needs/needed precisa/precisam/precisou/precisaram"""

INFINITIVES = """
    sleep dormir    run correr    jump pular    sing cantar    dance dançar    rest descansar"""


# How the table is read.


def entries(table: str, size: int) -> list[tuple[str, ...]]:
    """The table's items in groups: (gender, English, Portuguese) for nouns, (English, Portuguese) for the others."""
    items = table.split()
    assert len(items) % size == 0, f"{table!r} is not made of groups of {size}"
    return [tuple(items[i : i + size]) for i in range(0, len(items), size)]


def forms(entry: str) -> list[str]:
    """The forms that an entry gives, `a#sense/b`: the first one's sense holds for all that name none."""
    first, *others = entry.split("/")
    _, hash_sign, sense = first.partition("#")
    return [first, *(form if "#" in form or form == "-" else form + hash_sign + sense for form in others)]


def noun_forms(entry: str) -> list[str]:
    """Singular and plural; "-" where there is no plural."""
    found = forms(entry)
    word, hash_sign, sense = found[0].partition("#")
    return found if len(found) == 2 else [found[0], word + "s" + hash_sign + sense]


def adjective_forms(entry: str) -> list[str]:
    """Portuguese: masculine, feminine, masculine plural, feminine plural."""
    found = forms(entry)
    if len(found) == 1:
        assert entry.endswith("o"), f"{entry} needs its plural"
        return [entry, entry[:-1] + "a", entry + "s", entry[:-1] + "as"]
    return [found[0], found[0], found[1], found[1]] if len(found) == 2 else found


def verb_forms(en: str, pt: str) -> list[tuple[str, str]]:
    """Both languages' forms: present singular and plural, past singular and plural."""
    plural, singular, *past = forms(en)
    return list(zip((singular, plural, past[0], past[-1]), forms(pt), strict=True))


def linked(en: str, pt: str) -> tuple[str, str]:
    """A lexical rule: all words of one side are linked to all of the other, unless the entry has labels of its own."""

    def side(entry: str) -> str:
        if "^" in entry:
            return entry.replace("_", " ")
        text, hash_sign, sense = entry.partition("#")
        first, *others = text.split("_")
        return " ".join([f"{first}{hash_sign}{sense}^1", *(f"{word}^1" for word in others)])

    return side(en), side(pt)
