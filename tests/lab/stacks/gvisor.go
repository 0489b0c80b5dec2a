// A mail server on gVisor's netstack: a TCP of its own that owns the server's address, on the frames of an interface to which the
// kernel has given none. Its arguments and its notes are those of `pmtu-lab smoltcp`.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/bufferv2"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

const (
	nic          = 1
	smtpPort     = 25
	allProtocols = 0x0300 // ETH_P_ALL in network byte order
	longestLine  = 4096
	longestFrame = 65536
	frameHeader  = 14
	queued       = 4096
)

func main() {
	if len(os.Args) != 9 {
		fail("usage: gvisor INTERFACE MTU OWN_MAC NEIGHBOUR_MAC V4 V4_GATEWAY V6 V6_GATEWAY")
	}
	words := os.Args[1:]
	host := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, ipv6.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, icmp.NewProtocol4, icmp.NewProtocol6},
	})
	// As gVisor's own runsc has it.
	sack := tcpip.TCPSACKEnabled(true)
	check(host.SetTransportProtocolOption(tcp.ProtocolNumber, &sack))
	mtu, err := strconv.Atoi(words[1])
	if err != nil {
		fail(err.Error())
	}
	link := channel.New(queued, uint32(mtu), "")
	check(host.CreateNIC(nic, link))
	addAddress(host, ipv4.ProtocolNumber, words[4], 24)
	addAddress(host, ipv6.ProtocolNumber, words[6], 64)
	host.SetRouteTable([]tcpip.Route{
		{Destination: header.IPv4EmptySubnet, Gateway: address(words[5]), NIC: nic},
		{Destination: header.IPv6EmptySubnet, Gateway: address(words[7]), NIC: nic},
	})
	frames := openFrames(words[0], words[2], words[3])
	go frames.read(link)
	go frames.write(link)
	var connections uint32
	v4 := listen(host, ipv4.ProtocolNumber, address(words[4]))
	v6 := listen(host, ipv6.ProtocolNumber, address(words[6]))
	fmt.Println("listening")
	go accept(v4, &connections)
	accept(v6, &connections)
}

func fail(what string) {
	fmt.Fprintln(os.Stderr, what)
	os.Exit(1)
}

func check(err tcpip.Error) {
	if err != nil {
		fail(err.String())
	}
}

func address(text string) tcpip.Address {
	ip := net.ParseIP(text)
	if v4 := ip.To4(); v4 != nil {
		return tcpip.Address(v4)
	}
	return tcpip.Address(ip)
}

func mac(text string) []byte {
	parsed, err := net.ParseMAC(text)
	if err != nil {
		fail(err.Error())
	}
	return parsed
}

// The frames of the interface.
type frames struct {
	socket         int
	own, neighbour []byte
}

func openFrames(name, own, neighbour string) frames {
	at, err := net.InterfaceByName(name)
	if err != nil {
		fail(err.Error())
	}
	socket, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, allProtocols)
	if err != nil {
		fail(err.Error())
	}
	if err := unix.Bind(socket, &unix.SockaddrLinklayer{Protocol: allProtocols, Ifindex: at.Index}); err != nil {
		fail(err.Error())
	}
	return frames{socket, mac(own), mac(neighbour)}
}

// What comes for this host, goes to the stack.
func (f frames) read(link *channel.Endpoint) {
	frame := make([]byte, longestFrame)
	for {
		length, _, err := unix.Recvfrom(f.socket, frame, 0)
		if err != nil || length < frameHeader || !bytes.Equal(frame[:6], f.own) {
			continue
		}
		protocol := tcpip.NetworkProtocolNumber(binary.BigEndian.Uint16(frame[12:]))
		if protocol != ipv4.ProtocolNumber && protocol != ipv6.ProtocolNumber {
			continue
		}
		payload := bufferv2.MakeWithData(frame[frameHeader:length])
		packet := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: payload})
		link.InjectInbound(protocol, packet)
		packet.DecRef()
	}
}

// All packets of the stack go to the only neighbour.
func (f frames) write(link *channel.Endpoint) {
	for {
		packet := link.ReadContext(context.Background())
		if packet.IsNil() {
			continue
		}
		frame := append(append([]byte{}, f.neighbour...), f.own...)
		frame = append(frame, byte(packet.NetworkProtocolNumber>>8), byte(packet.NetworkProtocolNumber))
		for _, part := range packet.AsSlices() {
			frame = append(frame, part...)
		}
		packet.DecRef()
		// What cannot be sent is lost, as on any network.
		unix.Write(f.socket, frame)
	}
}

func addAddress(host *stack.Stack, protocol tcpip.NetworkProtocolNumber, own string, prefix int) {
	with := tcpip.AddressWithPrefix{Address: address(own), PrefixLen: prefix}
	check(host.AddProtocolAddress(nic, tcpip.ProtocolAddress{Protocol: protocol, AddressWithPrefix: with}, stack.AddressProperties{}))
}

func listen(host *stack.Stack, protocol tcpip.NetworkProtocolNumber, own tcpip.Address) net.Listener {
	listener, err := gonet.ListenTCP(host, tcpip.FullAddress{NIC: nic, Addr: own, Port: smtpPort}, protocol)
	if err != nil {
		fail(err.Error())
	}
	return listener
}

func accept(listener net.Listener, connections *uint32) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			fail(err.Error())
		}
		number := atomic.AddUint32(connections, 1)
		note("connect %d %s", number, connection.RemoteAddr())
		go serve(connection, number)
	}
}

// One whole line at a time, whoever speaks.
func note(format string, values ...interface{}) {
	os.Stdout.WriteString(fmt.Sprintf(format, values...) + "\n")
}

func serve(connection net.Conn, number uint32) {
	defer connection.Close()
	fmt.Fprint(connection, "220 mx.example.com ESMTP lab\r\n")
	lines := bufio.NewReaderSize(connection, longestLine)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			note("lost %d the peer closed without QUIT", number)
			return
		}
		line = strings.TrimSpace(line)
		note("command %d %s", number, line)
		switch strings.ToUpper(strings.SplitN(line, " ", 2)[0]) {
		case "EHLO":
			fmt.Fprint(connection, "250-mx.example.com\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250 8BITMIME\r\n")
		case "HELO":
			fmt.Fprint(connection, "250 mx.example.com\r\n")
		case "NOOP", "RSET":
			fmt.Fprint(connection, "250 2.0.0 Ok\r\n")
		case "QUIT":
			fmt.Fprint(connection, "221 2.0.0 Bye\r\n")
			note("quit %d", number)
			return
		default:
			fmt.Fprint(connection, "500 5.5.2 Error: command not recognized\r\n")
		}
	}
}
