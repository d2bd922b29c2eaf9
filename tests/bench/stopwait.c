/* The floor of stop and wait: 100 bytes one way, 8 the other, nothing else.
   stopwait            the server; prints "listening on HOST:PORT"
   stopwait PORT N     the client: N round trips */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int all(int fd, char *bytes, int size)  /* read so many, or say 0 */
{
    for (int done = 0, got; done < size; done += got)
        if ((got = recv(fd, bytes + done, size - done, 0)) <= 0) return 0;
    return 1;
}

int main(int argc, char **argv)
{
    char unit[100] = "", ack[8] = "ack";
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof at;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (argc == 3) {
        at.sin_port = htons(atoi(argv[1]));
        if (connect(fd, (struct sockaddr *)&at, size)) return perror("connect"), 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        for (int left = atoi(argv[2]); left > 0; left--)
            if (send(fd, unit, 100, 0) != 100 || !all(fd, ack, 8)) return 1;
        return 0;
    }
    if (bind(fd, (struct sockaddr *)&at, size) || listen(fd, 10)) return perror("listen"), 1;
    getsockname(fd, (struct sockaddr *)&at, &size);
    printf("listening on 127.0.0.1:%d\n", ntohs(at.sin_port));
    fflush(stdout);
    for (;;) {
        int conn = accept(fd, NULL, NULL);
        setsockopt(conn, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        while (all(conn, unit, 100) && send(conn, ack, 8, 0) == 8) ;
        close(conn);
    }
}
