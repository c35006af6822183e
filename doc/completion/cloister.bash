# bash completion for cloister(1)                                          -*- shell-script -*-
# SPDX-License-Identifier: Apache-2.0

# Names of containers, one a line. Only root may look; `list` would ask for a password otherwise.
_cloister_names()
{
	local entry

	for entry in "$1"/*/; do
		entry=${entry%/}
		[[ -d $entry ]] && printf '%s\n' "${entry##*/}"
	done 2>/dev/null
}

# The programs in PATH.
_cloister_commands()
{
	mapfile -t COMPREPLY < <(compgen -c -- "$1" | sort -u)
}

_cloister_words()
{
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}

_cloister_launch()
{
	local cur=$1 prev=$2

	case $prev in
	--rootfs)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		compopt -o filenames
		return
		;;
	-v | --volume)
		# The source; what stands behind the colon is inside.
		[[ $cur == *:* ]] && return
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		compopt -o filenames -o nospace
		return
		;;
	-m | --memory)
		_cloister_words "256m 512m 1g 2g 4g" "$cur"
		return
		;;
	--name | --tmpfs | --hostname | --cpus | --cpuset | --pids | -e | --env | --sysctl | -w | --workdir | -u | --user)
		return
		;;
	--env-file)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		compopt -o filenames
		return
		;;
	--cap-add | --cap-drop)
		_cloister_words "ALL CHOWN DAC_OVERRIDE FOWNER FSETID IPC_LOCK KILL MKNOD NET_ADMIN NET_BIND_SERVICE NET_RAW SETGID
			SETUID SYS_ADMIN SYS_CHROOT SYS_NICE SYS_PTRACE SYS_RESOURCE" "$cur"
		return
		;;
	--network)
		_cloister_words "none" "$cur"
		return
		;;
	esac
	_cloister_words "--name --rootfs --volume --tmpfs --hostname --memory --cpus --cpuset --pids --env
		--env-file --sysctl --workdir --user --cap-add --cap-drop --network --read-only --privileged --detach --tty --interactive --rm --help" "$cur"
}

# Index of the first word from $1 on that is no option of launch, exec or kill and no value of one;
# COMP_CWORD + 1 if the word to be completed is such a value.
_cloister_first_word()
{
	local i

	for ((i = $1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--)
			echo $((i + 1))
			return
			;;
		--name | --rootfs | -v | --volume | --tmpfs | --hostname | -m | --memory | --cpus | --cpuset | --pids | -e | --env | \
			--env-file | --sysctl | -w | --workdir | -u | --user | --cap-add | --cap-drop | --network | -p | --process | --cwd | \
			-c | --cap | -g | --additional-gids | --apparmor | --process-label | --console-socket | --pidfd-socket | \
			--pid-file | --preserve-fds | --cgroup | -r | --regex)
			# A value holds ":" and "=" as words of their own.
			((i++))
			while [[ ${COMP_WORDS[i + 1]-} == [:=]* ]]; do ((i += 2)); done
			;;
		-*) ;;
		*) break ;;
		esac
	done
	echo $i
}

# What stands behind an option before the command; false if $1 is none that has a value.
_cloister_global_value()
{
	case $1 in
	--root | --settings | --log | --criu)
		mapfile -t COMPREPLY < <(compgen -f -- "$2")
		compopt -o filenames
		;;
	--log-format) _cloister_words "text json" "$2" ;;
	--log-level) _cloister_words "error warning debug" "$2" ;;
	--cgroup-manager) _cloister_words "cgroupfs systemd disabled" "$2" ;;
	--rootless) ;;
	*) return 1 ;;
	esac
}

_cloister()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local root=/run/cloister command='' option i first

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--root | --settings | --log | --log-format | --log-level | --cgroup-manager | --criu | --rootless)
			option=${COMP_WORDS[i]}
			[[ ${COMP_WORDS[i + 1]-} != = ]] || ((i++))
			((i++))
			[[ $option != --root ]] || root=${COMP_WORDS[i]-}
			;;
		-*) ;;
		*)
			command=${COMP_WORDS[i]}
			break
			;;
		esac
	done
	if [[ -z $command ]] && _cloister_global_value "$prev" "$cur"; then
		return
	fi
	((i++))
	case $command in
	'')
		_cloister_words "help launch exec kill delete list status check pause resume reload update ps events spec policy features create start run state docker-setup containerd-setup podman-setup --root --settings --log --log-format --log-level --debug
			--systemd-cgroup --cgroup-manager --rootless --criu --help --version" "$cur"
		;;
	launch)
		first=$(_cloister_first_word $i)
		if ((COMP_CWORD < first)) || [[ $COMP_CWORD == "$first" && $cur == -* && $prev != -- ]]; then
			_cloister_launch "$cur" "$prev"
		elif ((COMP_CWORD == first)); then
			_cloister_commands "$cur"
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			compopt -o filenames
		fi
		;;
	help)
		((COMP_CWORD > i)) || _cloister_words "launch exec kill delete list status check pause resume reload update ps events spec policy features create start run state docker-setup containerd-setup podman-setup" "$cur"
		;;
	policy)
		case $prev in
		--mount | --store)
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			compopt -o filenames
			;;
		--image) ;;
		*)
			if [[ $cur == -* ]]; then
				_cloister_words "--image --mount --read-only --store --strict --force --json --help" "$cur"
			elif ((COMP_CWORD == i)); then
				_cloister_words "check explain test init" "$cur"
			else
				mapfile -t COMPREPLY < <(compgen -f -- "$cur")
				compopt -o filenames
			fi
			;;
		esac
		;;
	exec)
		first=$(_cloister_first_word $i)
		if ((COMP_CWORD > first)); then
			_cloister_commands "$cur"
		elif ((COMP_CWORD < first)); then
			case $prev in
			-p | --process | --console-socket | --pidfd-socket | --pid-file)
				mapfile -t COMPREPLY < <(compgen -f -- "$cur")
				compopt -o filenames
				;;
			esac
		elif [[ $cur == -* ]]; then
			_cloister_words "--tty --detach --interactive --process --user --env --cwd --cap --additional-gids
				--no-new-privs --apparmor --process-label --console-socket --pidfd-socket --pid-file
				--preserve-fds --ignore-paused --help" "$cur"
		else
			_cloister_words "$(_cloister_names "$root")" "$cur"
		fi
		;;
	kill)
		first=$(_cloister_first_word $i)
		if [[ $cur == -* ]]; then
			_cloister_words "--all --regex --help" "$cur"
		elif ((COMP_CWORD == first + 1)) || [[ " ${COMP_WORDS[*]:i:COMP_CWORD - i} " =~ \ (-r|--regex)\  ]]; then
			_cloister_words "TERM KILL INT HUP QUIT USR1 USR2 STOP CONT" "$cur"
		elif ((COMP_CWORD == first)); then
			_cloister_words "$(_cloister_names "$root")" "$cur"
		fi
		;;
	delete)
		if [[ $cur == -* ]]; then
			_cloister_words "--force --regex --help" "$cur"
		else
			_cloister_words "$(_cloister_names "$root")" "$cur"
		fi
		;;
	status)
		if [[ $prev == --format || $prev == -f ]]; then
			_cloister_words "table json" "$cur"
		elif [[ $cur == -* ]]; then
			_cloister_words "--format --json --sysctl --help" "$cur"
		else
			_cloister_words "$(_cloister_names "$root")" "$cur"
		fi
		;;
	create | run)
		case $prev in
		-b | --bundle | -f | --config | --console-socket | --pidfd-socket | --pid-file)
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			compopt -o filenames
			;;
		*)
			local more=
			[[ $command = create ]] || more="--detach --keep"
			_cloister_words "--bundle --config --console-socket --pidfd-socket --pid-file --preserve-fds --no-pivot
				--no-new-keyring --no-subreaper --help $more" "$cur"
			;;
		esac
		;;
	reload)
		if [[ $cur == -* ]]; then
			_cloister_words "--all --json --help" "$cur"
		else
			_cloister_words "$(_cloister_names "$root")" "$cur"
		fi
		;;
	pause | resume | start | state)
		if [[ $cur == -* ]]; then
			_cloister_words "--help" "$cur"
		else
			_cloister_words "$(_cloister_names "$root")" "$cur"
		fi
		;;
	update)
		case $prev in
		-r | --resources)
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			compopt -o filenames
			;;
		--*) [[ $prev == --help ]] || return ;;
		*)
			if [[ $cur == -* ]]; then
				_cloister_words "--resources --memory --memory-swap --memory-reservation --cpu-period
					--cpu-quota --cpu-burst --cpu-share --cpu-idle --cpu-rt-period --cpu-rt-runtime
					--cpuset-cpus --cpuset-mems --pids-limit --blkio-weight --kernel-memory
					--kernel-memory-tcp --help" "$cur"
			else
				_cloister_words "$(_cloister_names "$root")" "$cur"
			fi
			;;
		esac
		;;
	ps)
		if [[ $prev == --format || $prev == -f ]]; then
			_cloister_words "table json" "$cur"
		elif [[ $cur == -* ]]; then
			_cloister_words "--format --json --help" "$cur"
		else
			_cloister_words "$(_cloister_names "$root")" "$cur"
		fi
		;;
	events)
		if [[ $cur == -* ]]; then
			_cloister_words "--stats --interval --help" "$cur"
		elif [[ $prev != --interval ]]; then
			_cloister_words "$(_cloister_names "$root")" "$cur"
		fi
		;;
	list)
		if [[ $prev == --format || $prev == -f ]]; then
			_cloister_words "table json" "$cur"
		else
			_cloister_words "--format --json --quiet --help" "$cur"
		fi
		;;
	spec)
		case $prev in
		-b | --bundle | -f | --config | --file)
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			compopt -o filenames
			;;
		*) _cloister_words "--bundle --config --file --rootless --help" "$cur" ;;
		esac
		;;
	features)
		_cloister_words "--help" "$cur"
		;;
	check)
		_cloister_words "--json --help" "$cur"
		;;
	docker-setup | containerd-setup | podman-setup)
		case $prev in
		--config | --program)
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			compopt -o filenames
			;;
		--enforce-dir | --systemd-dir)
			mapfile -t COMPREPLY < <(compgen -d -- "$cur")
			compopt -o filenames
			;;
		*)
			local more=
			[[ $command = podman-setup ]] || more="--enforce --enforce-dir --systemd-dir"
			_cloister_words "--default --undo --dry-run --config --program --json --help $more" "$cur"
			;;
		esac
		;;
	esac
}

complete -F _cloister cloister
