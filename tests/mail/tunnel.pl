#!/usr/bin/perl
# One end of a tunnel: packets of tun0 travel in UDP with DF to the other end. Arguments: own address, the other's.
use strict;
use warnings;
use Fcntl;
use IO::Select;
use Socket;

my ($own, $other) = @ARGV;
my $port = 4500;
sysopen(my $tun, '/dev/net/tun', O_RDWR) or die "tun: $!";
my $request = pack('Z16 S x22', 'tun0', 0x1001);    # IFF_TUN | IFF_NO_PI
ioctl($tun, 0x400454ca, $request) or die "TUNSETIFF: $!";
socket(my $udp, PF_INET, SOCK_DGRAM, 0) or die "socket: $!";
setsockopt($udp, 0, 10, pack('i', 3)) or die "IP_MTU_DISCOVER: $!";    # IP_PMTUDISC_PROBE
bind($udp, pack_sockaddr_in($port, inet_aton($own))) or die "bind: $!";
my $peer = pack_sockaddr_in($port, inet_aton($other));
my $select = IO::Select->new($tun, $udp);
while (my @ready = $select->can_read) {
    for my $from (@ready) {
        my $packet;
        if ($from == $tun) {
            sysread($tun, $packet, 65535) or next;
            send($udp, $packet, 0, $peer);    # what is too large for the first link is lost
        } else {
            recv($udp, $packet, 65535, 0);
            syswrite($tun, $packet) if length $packet;
        }
    }
}
