// nemcon completion: scripts for shells. Static: what they offer is what arguments.cpp accepts,
// which a test compares.
#include <iostream>

#include "client/cli/commands.hpp"

namespace nemcon::cli {

namespace {

constexpr const char* bash_script = R"(# bash completion for nemcon
# Load it with: source <(nemcon completion bash)
_nemcon() {
  local word="${COMP_WORDS[COMP_CWORD]}" command="" sub="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "${COMP_WORDS[i]}" in
      --node|--node-key|--config|--key|--timeout) ((i++)) ;;
      -*) ;;
      *)
        if [[ -n $command ]]; then sub="${COMP_WORDS[i]}"; break; fi
        command="${COMP_WORDS[i]}" ;;
    esac
  done
  local offers="--node --config --key --node-key --insecure --json --timeout --help"
  case "$command" in
    "")
      offers+=" --version send receive transact outcome status queues transactions transaction"
      offers+=" mesh keygen membership audit reload completion" ;;
    send) offers+=" --file --lines --header" ;;
    receive) offers+=" --follow --count --headers" ;;
    transact) offers+=" --send --call --check" ;;
    transactions) offers+=" --in-doubt" ;;
    mesh) if [[ $sub == init ]]; then
        offers+=" --directory --base-port --host --queue --no-keys --insecure"
      else
        offers+=" init"
      fi ;;
    keygen) offers+=" --show" ;;
    membership) case "$sub" in
        keygen) ;;
        sign) offers+=" --key" ;;
        verify) offers+=" --operator-key" ;;
        *) offers+=" keygen sign verify" ;;
      esac ;;
    audit) offers+=" --verify --expect" ;;
    completion) offers+=" bash zsh fish" ;;
  esac
  case "${COMP_WORDS[COMP_CWORD-1]}" in
    --file|--config|--key|--verify|keygen|sign|verify|audit) COMPREPLY=($(compgen -f -- "$word")); return ;;
    --directory|reload) COMPREPLY=($(compgen -d -- "$word")); return ;;
  esac
  COMPREPLY=($(compgen -W "$offers" -- "$word"))
}
complete -F _nemcon nemcon
)";

constexpr const char* zsh_script = R"(#compdef nemcon
# zsh completion for nemcon
# Save it as _nemcon in a directory of $fpath, or: source <(nemcon completion zsh)
_nemcon() {
  local -a commands general
  commands=(
    'send:put a message into a queue'
    'receive:take messages out of a queue'
    'transact:one transaction over several nodes'
    'outcome:what became of a transaction'
    'status:the mesh as a node sees it'
    'queues:the queues and what is in them'
    'transactions:what is under way'
    'transaction:one transaction, vote by vote'
    'mesh:set up a mesh'
    'keygen:make a secret key'
    'membership:which nodes a mesh has'
    'audit:what is in an audit record'
    'reload:let a node read its configuration again'
    'completion:print a script for a shell'
  )
  general=(
    '*--node[address of a node]:address:'
    '--config[client file]:file:_files'
    '--key[secret key]:file:_files'
    '*--node-key[public key of a node]:key:'
    '--insecure[plain text off this machine]'
    '--json[output for programs]'
    '--timeout[how long to wait]:time:'
    '--help[explain]'
  )
  _arguments -C $general '--version[print the version]' '1:command:->command' \
    '*::argument:->argument'
  case $state in
    command) _describe 'command' commands ;;
    argument)
      case $words[1] in
        send)
          _arguments $general '--file[the body]:file:_files' '*--header[a header]:name=value:' \
            '--lines[one message per line]' ;;
        receive)
          _arguments $general '--follow[go on until interrupted]' '--count[how many]:number:' \
            '--headers[print headers too]' ;;
        transact)
          _arguments $general '*--send[a message]:queue@node=body:' \
            '*--call[a service]:service@node=body:' '*--check[a limit]:queue@node=number:' ;;
        transactions) _arguments $general '--in-doubt[only those]' ;;
        mesh)
          _arguments $general '1:command:(init)' '--directory[where to]:directory:_files -/' \
            '--base-port[the first port]:port:' '--host[address]:host:' \
            '*--queue[a queue]:queue@node:' '--no-keys[only for loopback]' \
            '--insecure[without keys off loopback]' ;;
        keygen) _arguments $general '1:file:_files' '--show[only print the public key]' ;;
        membership)
          _arguments $general '1:command:(keygen sign verify)' '2:file:_files' \
            '--operator-key[the public key]:key:' ;;
        audit)
          _arguments $general '*:file:_files' '--verify[only whether it was touched]' \
            '--expect[a head kept elsewhere]:number\:hash:' ;;
        reload) _arguments $general '1:data directory:_files -/' ;;
        completion) _arguments '1:shell:(bash zsh fish)' ;;
        *) _arguments $general ;;
      esac ;;
  esac
}
if [[ $funcstack[1] == _nemcon ]]; then _nemcon "$@"; else compdef _nemcon nemcon; fi
)";

constexpr const char* fish_script = R"(# fish completion for nemcon
# Save it as ~/.config/fish/completions/nemcon.fish
complete -c nemcon -f
complete -c nemcon -l node -x -d 'Address of a node'
complete -c nemcon -l config -r -F -d 'Client file'
complete -c nemcon -l key -r -F -d 'Secret key'
complete -c nemcon -l node-key -x -d 'Public key of a node'
complete -c nemcon -l insecure -d 'Plain text off this machine'
complete -c nemcon -l json -d 'Output for programs'
complete -c nemcon -l timeout -x -d 'How long to wait'
complete -c nemcon -l help -d 'Explain'
complete -c nemcon -n __fish_use_subcommand -l version -d 'Print the version'
complete -c nemcon -n __fish_use_subcommand -a send -d 'Put a message into a queue'
complete -c nemcon -n __fish_use_subcommand -a receive -d 'Take messages out of a queue'
complete -c nemcon -n __fish_use_subcommand -a transact -d 'One transaction over several nodes'
complete -c nemcon -n __fish_use_subcommand -a outcome -d 'What became of a transaction'
complete -c nemcon -n __fish_use_subcommand -a status -d 'The mesh as a node sees it'
complete -c nemcon -n __fish_use_subcommand -a queues -d 'The queues and what is in them'
complete -c nemcon -n __fish_use_subcommand -a transactions -d 'What is under way'
complete -c nemcon -n __fish_use_subcommand -a transaction -d 'One transaction, vote by vote'
complete -c nemcon -n __fish_use_subcommand -a mesh -d 'Set up a mesh'
complete -c nemcon -n __fish_use_subcommand -a keygen -d 'Make a secret key'
complete -c nemcon -n __fish_use_subcommand -a membership -d 'Which nodes a mesh has'
complete -c nemcon -n __fish_use_subcommand -a audit -d 'What is in an audit record'
complete -c nemcon -n __fish_use_subcommand -a reload -d 'Let a node read its file again'
complete -c nemcon -n __fish_use_subcommand -a completion -d 'Print a script for a shell'
complete -c nemcon -n '__fish_seen_subcommand_from send' -l file -r -F -d 'The body'
complete -c nemcon -n '__fish_seen_subcommand_from send' -l lines -d 'One message per line'
complete -c nemcon -n '__fish_seen_subcommand_from send' -l header -x -d 'A header'
complete -c nemcon -n '__fish_seen_subcommand_from receive' -l follow -d 'Go on until interrupted'
complete -c nemcon -n '__fish_seen_subcommand_from receive' -l count -x -d 'How many'
complete -c nemcon -n '__fish_seen_subcommand_from receive' -l headers -d 'Print headers too'
complete -c nemcon -n '__fish_seen_subcommand_from transact' -l send -x -d 'A message'
complete -c nemcon -n '__fish_seen_subcommand_from transact' -l call -x -d 'A service'
complete -c nemcon -n '__fish_seen_subcommand_from transact' -l check -x -d 'A limit'
complete -c nemcon -n '__fish_seen_subcommand_from transactions' -l in-doubt -d 'Only those'
complete -c nemcon -n '__fish_seen_subcommand_from mesh' -a init -d 'Write configurations'
complete -c nemcon -n '__fish_seen_subcommand_from init' -l directory -r -d 'Where to'
complete -c nemcon -n '__fish_seen_subcommand_from init' -l base-port -x -d 'The first port'
complete -c nemcon -n '__fish_seen_subcommand_from init' -l host -x -d 'Address'
complete -c nemcon -n '__fish_seen_subcommand_from init' -l queue -x -d 'A queue'
complete -c nemcon -n '__fish_seen_subcommand_from init' -l no-keys -d 'Only for loopback'
complete -c nemcon -n '__fish_seen_subcommand_from keygen' -F -l show -d 'Only print'
complete -c nemcon -n '__fish_seen_subcommand_from membership' -F -a 'keygen sign verify'
complete -c nemcon -n '__fish_seen_subcommand_from verify' -l operator-key -x -d 'Public key'
complete -c nemcon -n '__fish_seen_subcommand_from audit' -F -l verify -d 'Only a verdict'
complete -c nemcon -n '__fish_seen_subcommand_from audit' -l expect -x -d 'A head kept elsewhere'
complete -c nemcon -n '__fish_seen_subcommand_from reload' -F
complete -c nemcon -n '__fish_seen_subcommand_from init' -l insecure -d 'Without keys off loopback'
complete -c nemcon -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'
)";

}  // namespace

Exit run_completion(const std::string& shell) {
  if (shell == "bash") {
    std::cout << bash_script;
  } else if (shell == "zsh") {
    std::cout << zsh_script;
  } else {
    std::cout << fish_script;
  }
  return Exit::done;
}

}  // namespace nemcon::cli
