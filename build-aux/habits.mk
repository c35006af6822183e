# The daily habits: `make help` lists them.

help:
	@echo 'make                  build'
	@echo 'make check            all tests (root); TESTS=tests/... runs some'
	@echo 'make check-kernels    what depends on the kernel, on Debian 5.10, 6.1, 6.12 and sid (QEMU): a table'
	@echo 'make check-inside     systemd, Docker, Podman, containerd in containers of a stock Debian (QEMU; cgroup v2)'
	@echo 'make check-distros    built and run with the compiler and libraries of Debian trixie and sid'
	@echo 'make check-mutants    build with one protection removed at a time; the suites must notice'
	@echo 'make fuzz             fuzz what parses foreign bytes; FUZZ_SECONDS=60'
	@echo 'make bench            the table of measurements (needs crun, runc, lxcfs)'
	@echo 'make lint             shellcheck, codespell, man pages, --help against the man pages'
	@echo 'make format           clang-format over all C files; check-format only looks'
	@echo 'make distcheck        the tarball builds, installs and uninstalls by itself'

c_files = cd $(srcdir) && find src fusefs shiftfs-fallback tests -name '*.[ch]' 2>/dev/null
format:
	@($(c_files)) | (cd $(srcdir) && xargs clang-format -i)
check-format:
	@($(c_files)) | (cd $(srcdir) && xargs clang-format --dry-run -Werror)

lint: all-am $(check_PROGRAMS)
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS='$(lint_tests)'

.PHONY: help format check-format lint
