# What scripts say in such a world. The bus asks nobody, and knows no polkit.
patiently() {
    tries=400
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || { echo "waited too long for: $*" >&2; exit 9; }
        sleep 0.05
    done
}
start_bus() {
    mkdir -p /run/dbus
    cat >/run/dbus/bus.conf <<-END
	<busconfig><listen>unix:path=/run/dbus/system_bus_socket</listen><policy context="default">
	<allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/></policy></busconfig>
	END
    dbus-daemon --config-file=/run/dbus/bus.conf --fork
}
