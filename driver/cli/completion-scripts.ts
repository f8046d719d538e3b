/**
 * What shells are told. Each script asks `laminate __complete` what may come next, so that it fits whatever version it
 * meets: one candidate a line, with a tab and a description, and ":files" where files may come as well.
 */
const bash = `# bash completion for laminate; load it with: source <(laminate completion bash)
_laminate() {
  local line=\${COMP_LINE:0:COMP_POINT} reply current prefix
  local -a words
  read -r -a words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  current=\${words[\${#words[@]}-1]}
  COMPREPLY=()
  while IFS= read -r reply; do
    if [[ $reply == :files ]]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r reply; do COMPREPLY+=("$reply"); done < <(compgen -f -- "$current")
    else
      COMPREPLY+=("\${reply%%$'\\t'*}")
    fi
  done < <("\${words[0]}" __complete -- "\${words[@]:1}" 2>/dev/null)
  [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *: ]] && compopt -o nospace 2>/dev/null
  # Bash takes what is after a colon for a word of its own.
  if [[ $current == *:* && $COMP_WORDBREAKS == *:* ]]; then
    prefix=\${current%"\${current##*:}"}
    COMPREPLY=("\${COMPREPLY[@]#"$prefix"}")
  fi
}
complete -F _laminate laminate
`;

const zsh = `#compdef laminate
# zsh completion for laminate; load it with: source <(laminate completion zsh), after compinit
_laminate() {
  local -a lines items
  local line
  local -i files=0
  lines=("\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  for line in "\${lines[@]}"; do
    if [[ $line == :files ]]; then
      files=1
    elif [[ -n $line ]]; then
      items+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
    fi
  done
  (( \${#items} )) && _describe 'laminate' items
  (( files )) && _files
}
if [[ \${funcstack[1]} == _laminate ]]; then
  _laminate "$@"
else
  compdef _laminate laminate
fi
`;

const fish = `# fish completion for laminate; load it with: laminate completion fish | source
function __laminate_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  for line in ($words[1] __complete -- $words[2..-1] "$current" 2>/dev/null)
    if test "$line" = ":files"
      __fish_complete_path "$current"
    else
      printf '%s\\n' $line
    end
  end
end
complete -c laminate -f -a '(__laminate_complete)'
`;

export const completionScripts: Readonly<Record<"bash" | "zsh" | "fish", string>> = { bash, zsh, fish };
