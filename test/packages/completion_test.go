//go:build linux

package packages_test

import (
	"strings"
	"testing"
)

// What a shell does when somebody types $1 and the key for completion, without a
// terminal: bash and fish can be asked, and zsh types into a shell of its own.
const (
	inBash = `source /usr/share/bash-completion/bash_completion
_completion_loader ${1%% *}
COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9 COMP_KEY=9
read -ra COMP_WORDS <<<"$1"
[[ $1 != *" " ]] || COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
compopt() { :; } # which is for a shell that is asked by its user
eval "$(complete -p ${1%% *} | sed -E 's/.* -F (\S+) .*/\1/')"
printf '%s\n' "${COMPREPLY[@]}"`

	inFish = `complete -C "$argv[1]"`

	inZsh = `zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PS1=; unsetopt beep; bindkey -e; LISTMAX=10000; fpath=(/usr/share/zsh/vendor-completions $fpath); autoload -U compinit; compinit -u -D; print rea""dy'
zpty -r shell line '*ready*'
zpty -w -n shell "$1"$'\t'
zpty -w -n shell $'\C-a: \C-e; print en""ded\n'
zpty -r shell line '*ended*'
print -r -- $line
zpty -d shell`
)

// The shells find the completions of the package by themselves, under coturn's names
// too.
func TestCompletions(t *testing.T) {
	file := built(t, older, "*.deb")
	m := newMachine(t)
	m.run("dpkg", "-i", m.add(file))
	for _, shell := range [][]string{{"bash", "-c", inBash, "bash"}, {"fish", "-c", inFish}, {"zsh", "-fc", inZsh, "zsh"}} {
		for line, want := range map[string]string{
			"iceserver user re":       "remove",
			"iceserver --log-form":    "--log-format=",
			"turnserver --log-form":   "--log-format=",
			"turnserver --engine mm":  "mmsg",
			"turnadmin --list-orig":   "--list-origins",
			"iceserver config explai": "explain",
		} {
			out, err := m.try(append(append([]string{"timeout", "60", "env", "HOME=/tmp", "TERM=dumb"}, shell...), line)...)
			if err != nil || !strings.Contains(out, want) {
				t.Errorf("%s: %q becomes %q, without %s: %v", shell[0], line, out, want, err)
			}
		}
	}
}
