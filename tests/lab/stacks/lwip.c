/* A mail server on lwIP, as Debian builds it: a TCP of its own that owns the server's address, on the frames of an interface to
   which the kernel has given none. Its arguments and its notes are those of `pmtu-lab smoltcp`. */

#include <arpa/inet.h>
#include <ctype.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <lwip/ip.h>
#include <lwip/netif.h>
#include <lwip/pbuf.h>
#include <lwip/tcp.h>
#include <lwip/tcpip.h>

enum { SMTP_PORT = 25, HEADER = 14, LONGEST_FRAME = 65536, LONGEST_LINE = 4096, ETHERTYPE_IP4 = 0x0800, ETHERTYPE_IP6 = 0x86dd };

static struct {
    int frames;
    unsigned char own[6], neighbour[6];
    unsigned mtu;
    ip4_addr_t v4, v4_gateway;
    ip6_addr_t v6;
    struct netif netif;
} host;

static void fail(const char *what) {
    perror(what);
    exit(EXIT_FAILURE);
}

/* A conversation. */
struct line {
    unsigned number;
    int has_quit;
    size_t length;
    char text[LONGEST_LINE + 1];
};

static void say(struct tcp_pcb *pcb, const char *text) {
    tcp_write(pcb, text, strlen(text), TCP_WRITE_FLAG_COPY);
}

static void obey(struct line *line, struct tcp_pcb *pcb) {
    while (line->length > 0 && isspace((unsigned char)line->text[line->length - 1])) line->length--;
    line->text[line->length] = 0;
    printf("command %u %s\n", line->number, line->text);
    size_t verb = strcspn(line->text, " ");
    int is_quit = verb == 4 && strncasecmp(line->text, "QUIT", 4) == 0;
    if (strncasecmp(line->text, "EHLO", 4) == 0)
        say(pcb, "250-mx.example.com\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250 8BITMIME\r\n");
    else if (strncasecmp(line->text, "HELO", 4) == 0)
        say(pcb, "250 mx.example.com\r\n");
    else if (strncasecmp(line->text, "NOOP", 4) == 0 || strncasecmp(line->text, "RSET", 4) == 0)
        say(pcb, "250 2.0.0 Ok\r\n");
    else if (is_quit)
        say(pcb, "221 2.0.0 Bye\r\n");
    else
        say(pcb, "500 5.5.2 Error: command not recognized\r\n");
    if (is_quit) {
        printf("quit %u\n", line->number);
        line->has_quit = 1;
    }
    line->length = 0;
}

static void end(struct line *line, const char *why) {
    if (!line->has_quit) printf("lost %u %s\n", line->number, why);
    free(line);
}

/* What lwIP calls when a connection was reset; its block is gone already. */
static void on_error(void *line, err_t error) {
    (void)error;
    end(line, "the connection is gone");
}

static void hang_up(struct tcp_pcb *pcb) {
    tcp_arg(pcb, NULL);
    tcp_recv(pcb, NULL);
    tcp_err(pcb, NULL);
    if (tcp_close(pcb) != ERR_OK) tcp_abort(pcb);
}

static err_t on_receive(void *of, struct tcp_pcb *pcb, struct pbuf *bytes, err_t error) {
    struct line *line = of;
    (void)error;
    if (bytes == NULL) {
        end(line, "the peer closed without QUIT");
        hang_up(pcb);
        return ERR_OK;
    }
    for (struct pbuf *part = bytes; part != NULL; part = part->next) {
        for (u16_t at = 0; at < part->len && !line->has_quit; at++) {
            char byte = ((const char *)part->payload)[at];
            if (byte == '\n')
                obey(line, pcb);
            else if (line->length < LONGEST_LINE)
                line->text[line->length++] = byte;
        }
    }
    tcp_recved(pcb, bytes->tot_len);
    pbuf_free(bytes);
    tcp_output(pcb);
    if (line->has_quit) {
        end(line, "");
        hang_up(pcb);
    }
    return ERR_OK;
}

static err_t on_accept(void *unused, struct tcp_pcb *pcb, err_t error) {
    static unsigned connections;
    (void)unused;
    struct line *line = calloc(1, sizeof *line);
    if (error != ERR_OK || line == NULL) return ERR_VAL;
    line->number = ++connections;
    char address[IPADDR_STRLEN_MAX];
    ipaddr_ntoa_r(&pcb->remote_ip, address, sizeof address);
    printf(IP_IS_V6(&pcb->remote_ip) ? "connect %u [%s]:%u\n" : "connect %u %s:%u\n", line->number, address, pcb->remote_port);
    tcp_arg(pcb, line);
    tcp_recv(pcb, on_receive);
    tcp_err(pcb, on_error);
    say(pcb, "220 mx.example.com ESMTP lab\r\n");
    tcp_output(pcb);
    return ERR_OK;
}

/* All packets go to the only neighbour. */
static err_t send_frame(struct pbuf *packet, unsigned protocol) {
    static unsigned char frame[LONGEST_FRAME];
    if (packet->tot_len > sizeof frame - HEADER) return ERR_BUF;
    memcpy(frame, host.neighbour, 6);
    memcpy(frame + 6, host.own, 6);
    frame[12] = protocol >> 8;
    frame[13] = protocol & 0xff;
    pbuf_copy_partial(packet, frame + HEADER, packet->tot_len, 0);
    /* What cannot be sent is lost, as on any network. */
    (void)!write(host.frames, frame, HEADER + packet->tot_len);
    return ERR_OK;
}

static err_t send_v4(struct netif *netif, struct pbuf *packet, const ip4_addr_t *to) {
    (void)netif, (void)to;
    return send_frame(packet, ETHERTYPE_IP4);
}

static err_t send_v6(struct netif *netif, struct pbuf *packet, const ip6_addr_t *to) {
    (void)netif, (void)to;
    return send_frame(packet, ETHERTYPE_IP6);
}

static void *read_frames(void *unused) {
    static unsigned char frame[LONGEST_FRAME];
    (void)unused;
    for (;;) {
        struct sockaddr_ll from;
        socklen_t size = sizeof from;
        ssize_t length = recvfrom(host.frames, frame, sizeof frame, 0, (struct sockaddr *)&from, &size);
        if (length < HEADER || from.sll_pkttype == PACKET_OUTGOING || memcmp(frame, host.own, 6) != 0) continue;
        unsigned protocol = frame[12] << 8 | frame[13];
        if (protocol != ETHERTYPE_IP4 && protocol != ETHERTYPE_IP6) continue;
        /* Not from the pool: as Debian builds it, its buffers are shorter than it says. */
        struct pbuf *packet = pbuf_alloc(PBUF_RAW, length - HEADER, PBUF_RAM);
        if (packet == NULL) continue;
        pbuf_take(packet, frame + HEADER, length - HEADER);
        if (host.netif.input(packet, &host.netif) != ERR_OK) pbuf_free(packet);
    }
    return NULL;
}

static err_t set_up(struct netif *netif) {
    netif->name[0] = 'e';
    netif->name[1] = '0';
    netif->mtu = host.mtu;
    netif->output = send_v4;
    netif->output_ip6 = send_v6;
    return ERR_OK;
}

static void listen_here(void *unused) {
    static ip4_addr_t mask;
    (void)unused;
    IP4_ADDR(&mask, 255, 255, 255, 0);
    netif_add(&host.netif, &host.v4, &mask, &host.v4_gateway, NULL, set_up, tcpip_input);
    netif_ip6_addr_set(&host.netif, 0, &host.v6);
    netif_ip6_addr_set_state(&host.netif, 0, IP6_ADDR_PREFERRED);
    netif_set_default(&host.netif);
    netif_set_link_up(&host.netif);
    netif_set_up(&host.netif);
    struct tcp_pcb *pcb = tcp_new_ip_type(IPADDR_TYPE_ANY);
    if (pcb == NULL || tcp_bind(pcb, IP_ANY_TYPE, SMTP_PORT) != ERR_OK) fail("bind");
    tcp_accept(tcp_listen(pcb), on_accept);
    pthread_t reader;
    if (pthread_create(&reader, NULL, read_frames, NULL) != 0) fail("pthread_create");
    puts("listening");
}

static void open_frames(const char *interface) {
    host.frames = socket(AF_PACKET, SOCK_RAW, htons(0x0003 /* ETH_P_ALL */));
    if (host.frames < 0) fail("socket");
    int room = 8 << 20;
    setsockopt(host.frames, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(0x0003), .sll_ifindex = if_nametoindex(interface) };
    if (bind(host.frames, (struct sockaddr *)&address, sizeof address) < 0) fail(interface);
}

static void read_mac(const char *text, unsigned char mac[6]) {
    if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5) != 6) fail(text);
}

int main(int count, char **words) {
    if (count != 9) {
        fprintf(stderr, "usage: lwip INTERFACE MTU OWN_MAC NEIGHBOUR_MAC V4 V4_GATEWAY V6 V6_GATEWAY\n");
        return EXIT_FAILURE;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    host.mtu = strtoul(words[2], NULL, 10);
    read_mac(words[3], host.own);
    read_mac(words[4], host.neighbour);
    if (!ip4addr_aton(words[5], &host.v4) || !ip4addr_aton(words[6], &host.v4_gateway) || !ip6addr_aton(words[7], &host.v6)) fail("address");
    open_frames(words[1]);
    tcpip_init(listen_here, NULL);
    for (;;) pause();
}
