# Sourced by ./dev: builds what measures, and lets tests/bench/harness do the rest.

# bench [ARGS]
bench() {
  local wanted=(nemcond nemcon-bench nemcon-roofline nemcon-scale nemcon-micro) argument
  for argument in "$@"; do
    [[ $argument != --peers && $argument != --peer && $argument != --peer=* ]] || wanted+=(peers)
  done
  if [[ " ${wanted[*]} " == *" peers "* ]]; then
    deploy/bench-dependencies.sh
    mapfile -t wanted < <(printf '%s\n' "${wanted[@]}" | grep -v '^peers$')
    wanted+=(nemcon-load-{postgres,redis,rabbitmq,beanstalkd,activemq,nats})
    # The libraries may have come after the last configuration.
    mkdir -p build
    cmake --preset release -Wno-dev >build/release.configure.txt 2>&1 || {
      cat build/release.configure.txt >&2
      return 1
    }
  fi
  if [[ ${1:-} != --help && ${1:-} != -h ]]; then
    build release "${wanted[@]}" >build/bench.build.txt 2>&1 || {
      cat build/bench.build.txt >&2
      return 1
    }
  fi
  python3 tests/bench/harness/bench.py "$@"
}
