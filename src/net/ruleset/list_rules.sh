# Prints this host's firewall rules when told to, and ends when nobody can tell it any more.
# The word it is told separates the outputs, so no rule can pass for a separator.
read -r mark || exit 0

# part NAME COMMAND...: its output, then a line that ends the part.
part() {
    name=$1
    shift
    "$@" </dev/null 2>/dev/null
    printf '\n%s %s %s\n' "$mark" "$name" "$?"
}

has() { command -v "$1" >/dev/null; }

if has nft; then
    part nft-json nft -j list ruleset
    part nft-text nft -a list ruleset
fi
for family in ip ip6; do
    plain=${family}tables
    version=$("$plain-save" -V 2>/dev/null </dev/null)
    case $version in
        *nf_tables*) part "$plain/nft" "$plain-save" ;;
        *) has "$plain-nft-save" && part "$plain-nft/nft" "$plain-nft-save" ;;
    esac
    # Asking for tables that do not exist could load the modules for them.
    read -r _ 2>/dev/null <"/proc/net/${family}_tables_names" || continue
    case $version in
        *nf_tables*) part "$plain-legacy/own" "$plain-legacy-save" ;;
        *) part "$plain/own" "$plain-save" ;;
    esac
done
printf '%s end 0\n' "$mark"
