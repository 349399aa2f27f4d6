"""The sentences of Storyland as templates: what its subjects do, and the frames that decide a word's sense.

One line, one rule: `[weight] english | portuguese`; the Portuguese side is left out where it reads the same. What a
symbol may be: `a/b`, singular/plural after the subject; `{his}`, the subject's own; `the-Thing`, a noun phrase of the
class Thing with what PREFIXES puts before it; `V-go.{n}.{t}`, a verb of the table, and `creature-state.{gn}`, an
adjective; the other capitals stand below. Labels and marks are those of grammar.py. {c} is the kind of the subject,
{gn} its gender and number, {t} the tense.
"""

# What stands before a noun, English | Portuguese: {o} and the others agree with the noun that follows.
PREFIXES = {
    "the": "the | {o}",
    "a": "a | {um}",
    "two": "two | {dois}",
    "three": "three | três",
    "many": "many | {muitos}",
    "his": "his | {seu}",
    "her": "her | {seu}",
    "its": "its | {seu}",
    "their": "their | {seu}",
    "in-the": "in^1 the^1 | {no}^1",  # contraction: two words become one
    "on-the": "on^1 the^1 | {no}^1",
    "of-the": "of^1 the^1 | {do}^1",
    "from-the": "from^1 the^1 | {do}^1",
    "for-the": "for^1 the^1 | {do}^1",  # pity for the dog: pena do cachorro
    "to-the": "to^1 the^1 | {ao}^1",
    "near-the": "near^1 the^2 | perto^1 {do}^12",
    "behind-the": "behind^1 the^2 | atrás^1 {do}^12",
    "under-the": "under^1 the^2 | debaixo^1 {do}^12",
    "over-the": "over^1 the^2 | por^1 cima^1 {do}^12",
    "with-the": "with the | com {o}",
    "with-a": "with a | com {um}",
    "against-the": "against the | contra {o}",
}
SINGULAR_ONLY = {"a", "with-a", "his", "her", "its", "their"}
PLURAL_ONLY = {"two", "three", "many"}
AGREEING = {  # masculine, feminine, masculine plural, feminine plural
    "o": "o a os as",
    "um": "um uma - -",
    "dois": "- - dois duas",
    "muitos": "- - muitos muitas",
    "seu": "seu sua seus suas",
    "do": "do da dos das",
    "no": "no na nos nas",
    "ao": "ao à aos às",
}

# Phrases that do not depend on the subject.
PHRASES = {
    "Where": """
        3 in-the-Area
        2 near-the-Landmark
        1 behind-the-Landmark
        1 under-the-Cover""",
    "Chain": """
        3 near-the-Landmark
        3 in-the-Area
        2 near-the-Landmark in-the-Area
        2 in-the-Area of-the-Royal
        2 near-the-Landmark in-the-Area of-the-Royal
        1 behind-the-Landmark near-the-Landmark in-the-Area of-the-Royal""",
    "Creature": """
        3 the-Animal
        2 the-Child
        2 the-Royal
        2 the-Bird
        2 a-Animal
        1 a-Child
        1 a-Bird
        1 two-Animal
        1 many-Bird
        1 three-Child""",
    "Food": """
        2 the-Food
        2 a-Food
        1 two-Food
        1 three-Food""",
    "Recipient": """
        to-the-Child
        to-the-Royal""",
    "Infinitive": """
        6 to-Verb
        6 to-Verb Where
        2 to^1 swim^1 in-the-Water | nadar^1 in-the-Water
        3 to^1 park#car^1 the-Vehicle near-the-Landmark | estacionar^1 the-Vehicle near-the-Landmark
        2 to^1 watch#look^1 the-Bird | observar^1 the-Bird
        2 to^1 ring#sound^1 the-Bell | tocar#sound^1 the-Bell
        2 to^1 play#music^1 the-Instrument | tocar#music^1 the-Instrument
        2 to^1 play#game^1 with-the-Toy | brincar^1 with-the-Toy""",
    "Colour": """
        red^1 | de^1 vermelho^1
        blue^1 | de^1 azul^1
        green^1 | de^1 verde^1
        purple^1 | de^1 roxo^1""",
    "Time.past": """
        3 yesterday | ontem
        2 last^1 night^2 | ontem^1 à^2 noite^2
        1 last^1 week^2 | na^2 semana^2 passada^1
        1 last^1 summer^2 | no^2 verão^2 passado^1
        1 two^1 days^2 ago^3 | há^3 dois^1 dias^2
        2 one day | um dia""",
    "Time.present": """
        3 every^1 day^2 | todos^1 os^1 dias^2
        2 every^1 morning^2 | todas^1 as^1 manhãs^2
        1 every^1 night^2 | todas^1 as^1 noites^2""",
}

# Things seen by their owner: his ball.
OWNED = """
    4 the-Thing
    4 a-Thing
    2 {his}-Thing
    1 two-Thing
    1 three-Thing
    1 many-Thing"""

# What a subject does (with a time, perhaps: "yesterday") and what it is. The first word is the verb.
DOES = {
    "creature": """
        3 V-{c}.{n}.{t}
        5 V-{c}.{n}.{t} Where
        6 V-{c}-thing.{n}.{t} Owned.{his}
        3 V-{c}-thing.{n}.{t} Owned.{his} Where
        5 V-{c}-creature.{n}.{t} Creature
        3 V-food.{n}.{t} Food
        2 V-go.{n}.{t} to-the-Area""",
    "person": """
        3 V-give.{n}.{t} Owned.{his} Recipient
        2 V-wear.{n}.{t} a-Jewel
        2 V-music.{n}.{t} the-Instrument
        1 V-play.{n}.{t} with-the-Toy
        2 V-play.{n}.{t} Where
        1 V-park.{n}.{t} the-Vehicle near-the-Landmark
        1 V-park.{n}.{t} the-Vehicle behind-the-Landmark""",
    "thing": "V-vanish.{n}.{t}",
    "flyer": """
        2 V-fly.{n}.{t} over-the-Landmark
        1 V-sleep.{n}.{t} Where""",
    "dog": """
        1 V-bark.{n}.{t}
        1 V-bark.{n}.{t} Where""",
    "bell": "V-ring.{n}.{t}",
    "leaf": "V-fall.{n}.{t} from-the-Plant",
}
IS = {
    "creature": """
        3 V-is-now.{n}.{t} creature-state.{gn}
        2 V-is.{n}.{t} creature-trait.{gn}
        3 V-de.{n}.{t}.{his}""",
    "person": """
        2 V-want.{n}.{t} Infinitive
        1 V-keep.{n}.{t} {his} money in-the-Bank | V-keep.{n}.{t} seu dinheiro in-the-Bank""",
    "thing": """
        2 V-is-now.{n}.{t} under-the-Cover
        1 V-is-now.{n}.{t} thing-state.{gn}
        4 V-is.{n}.{t} thing-trait.{gn}""",
    "club": "V-is.{n}.{t} made of wood | V-is.{n}.{t} feito/feitos de madeira",
}

# What persons did: here stand the words with two senses, each with what decides between them.
DEEDS = """
    took the coins to-the-Bank | levou/levaram as moedas to-the-Bank
    2 sat on-the-Shore of-the-Water | sentou/sentaram on-the-Shore of-the-Water
    2 rested on-the-Shore of-the-Water | descansou/descansaram on-the-Shore of-the-Water
    2 sat on-the-Bench near-the-Landmark | sentou/sentaram on-the-Bench near-the-Landmark
    1 rested on-the-Bench near-the-Landmark | descansou/descansaram on-the-Bench near-the-Landmark

    hit the-Hittable with-the-Club | acertou/acertaram the-Hittable with-the-Club
    broke the-Fragile with-the-Club | quebrou/quebraram the-Fragile with-the-Club
    2 wrote a-Letter Recipient | escreveu/escreveram a-Letter Recipient
    received a-Letter from-the-Royal | recebeu/receberam a-Letter from-the-Royal
    wrote a-Sign on-the-Wall | escreveu/escreveram a-Sign on-the-Wall
    painted a-Sign on-the-Wall | pintou/pintaram a-Sign on-the-Wall
    forgot the first letter#alphabet of {his} name/names | esqueceu/esqueceram a primeira letra de seu/seus nome/nomes

    2 lit the-Flame with-a-Match | acendeu/acenderam the-Flame with-a-Match
    2 lit the-Candle with-a-Match | acendeu/acenderam the-Candle with-a-Match
    2 blew^1 out^1 the-Candle | apagou/apagaram^1 the-Candle
    2 turned^1 on^1 the-Light in-the-Area | acendeu/acenderam^1 the-Light in-the-Area
    2 won the-Game against-the-Child | venceu/venceram the-Game against-the-Child
    lost the-Game against-the-Royal | perdeu/perderam the-Game against-the-Royal
    2 hit the-Nail with the hammer | acertou/acertaram the-Nail com o martelo
    broke {his} nail/nails#finger | quebrou/quebraram a/as unha/unhas
    painted {his} nails#finger Colour | pintou/pintaram as unhas Colour

    drew the-Trunk of-the-Plant | desenhou/desenharam the-Trunk of-the-Plant
    touched the-Trunk of-the-Plant | tocou/tocaram#touch the-Trunk of-the-Plant
    drew the-Nose of-the-Elephant | desenhou/desenharam the-Nose of-the-Elephant
    touched the-Nose of-the-Elephant | tocou/tocaram#touch the-Nose of-the-Elephant
    touched the-Bark of-the-Plant | tocou/tocaram#touch the-Bark of-the-Plant
    2 cut the-Wooden with-the-Saw | cortou/cortaram the-Wooden with-the-Saw

    mended the-Sleeve of-the-Garment | consertou/consertaram the-Sleeve of-the-Garment
    washed the-Sleeve of-the-Garment | lavou/lavaram the-Sleeve of-the-Garment
    mended the-Sail of-the-Ship | consertou/consertaram the-Sail of-the-Ship
    raised the-Sail of-the-Ship | içou/içaram the-Sail of-the-Ship
    found a-Feather near-the-Landmark | encontrou/encontraram a-Feather near-the-Landmark
    2 felt^1 pity^2 for-the-Animal | sentiu/sentiram^1 pena#pity^2 for-the-Animal
    picked^1 up^1 a-Leaf under-the-Plant | pegou/pegaram^1 a-Leaf under-the-Plant
    wrote on a sheet of paper | escreveu/escreveram em uma folha#paper de papel
    caught the fish with-the-Net | pegou/pegaram o peixe with-the-Net
    2 slept in-the-Hammock | dormiu/dormiram in-the-Hammock
    heard the-Song of-the-Singer | ouviu/ouviram the-Song of-the-Singer
    sat in-the-Corner of-the-Room | sentou/sentaram in-the-Corner of-the-Room
    cried in-the-Corner of-the-Room | chorou/choraram in-the-Corner of-the-Room
    burned {his} tongue/tongues | queimou/queimaram a língua#tongue
    learned a-Language at school | aprendeu/aprenderam a-Language na escola
    learned a-Sign at school | aprendeu/aprenderam a-Sign na escola"""
