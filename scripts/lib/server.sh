# For scripts that become a server.

# refuse_arguments: prints the comment at the head of the running script, and ends it.
refuse_arguments() {
  usage | sed 1,2d >&2
  exit 64
}

# read_options NAMES [ARG...]: puts the value of each `--NAME VALUE` into the caller's variable of that name, up to `--`. Leaves
# in READ how many arguments that were. Ends the script at any other argument.
read_options() {
  local names=" $1 " given=$(($# - 1))
  shift
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    case $1$names in
      --*" ${1#--} "*) printf -v "${1#--}" %s "${2:-}" ;;
      *) refuse_arguments ;;
    esac
    shift $(($# > 1 ? 2 : 1))
  done
  READ=$((given - $#))
}
