# Each verb forwards to course.py, which explains them: make help
PYTHON ?= python3

lab test test-fast check notebooks doctor help:
	@$(PYTHON) course.py $@ $(ARGS)

.DEFAULT_GOAL := help
.PHONY: lab test test-fast check notebooks doctor help
