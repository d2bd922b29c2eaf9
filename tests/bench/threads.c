/* Two servers in C with a thread a client; they print "listening on HOST:PORT".
   threads             a calculator: "12 + 30" in, "42" out, a line each
   threads FILE        a file server: a line in, then the file in pieces of 1000
                       bytes and 200 ms of sleep after each */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char *path;

static void calculate(FILE *in, int fd)
{
    char line[2100], op, reply[30];
    long a, b, result;
    while (fgets(line, sizeof line, in) && sscanf(line, "%ld %c %ld", &a, &op, &b) == 3) {
        result = op == '+' ? a + b : op == '-' ? a - b : op == '*' ? a * b : b ? a / b : 0;
        int size = sprintf(reply, "%ld\n", result);
        if (send(fd, reply, size, MSG_NOSIGNAL) != size) return;
    }
}

static void send_file(FILE *in, int fd)
{
    char piece[1030];
    struct stat about;
    FILE *file = fopen(path, "rb");
    if (!file || !fgets(piece, 256, in) || fstat(fileno(file), &about)) return;
    int start = sprintf(piece, "%ld\n", (long)about.st_size), got;
    while ((got = fread(piece + start, 1, 1000, file)) > 0) {
        if (send(fd, piece, start + got, MSG_NOSIGNAL) < 0) break;
        start = 0;
        usleep(200000);
    }
    fclose(file);
}

static void *serve(void *client)
{
    int fd = (int)(long)client;
    FILE *in = fdopen(fd, "rb");
    (path ? send_file : calculate)(in, fd);
    fclose(in);
    return NULL;
}

int main(int argc, char **argv)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof at;
    pthread_t thread;
    int fd = socket(AF_INET, SOCK_STREAM, 0), conn;
    path = argc > 1 ? argv[1] : NULL;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&at, size) || listen(fd, 1024)) return perror("listen"), 1;
    getsockname(fd, (struct sockaddr *)&at, &size);
    printf("listening on 127.0.0.1:%d\n", ntohs(at.sin_port));
    fflush(stdout);
    while ((conn = accept(fd, NULL, NULL)) >= 0)
        if (!pthread_create(&thread, NULL, serve, (void *)(long)conn)) pthread_detach(thread);
        else close(conn);
    return 1;
}
