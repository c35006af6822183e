# Each security test is worth what it catches: build with one protection removed, and the named suite
# must fail. MUTANTS='NAME NAME' runs some.
check-mutants: all-am $(check_PROGRAMS)
	$(TESTS_SETTING) $(SHELL) $(top_srcdir)/tests/lib/check-mutants.sh $(MUTANTS)
.PHONY: check-mutants
