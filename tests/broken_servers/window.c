/* Fault: no lock. A thread for each client loads the counter, waits WINDOW ns, and stores it.
 *
 *     cc -O2 -pthread -o window window.c && ./window 20000 100
 *
 * The arguments are the length of the list and the window in ns. Its first line on standard output is
 * `listening on PORT`.
 */

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int length, *numbers;
static long window;
static volatile int counter;

static long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000L + time.tv_nsec;
}

static int take(void) {
    int index = counter;
    if (index >= length) return -1;
    if (window > 0)
        for (long end = now() + window; now() < end;) { }
    counter = index + 1;
    return numbers[index];
}

static void *serve(void *argument) {
    int client = (int)(long)argument, on = 1, count;
    char line[256], *reply = malloc(12 * 2000);
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    FILE *in = fdopen(client, "r");
    while (in && reply && fgets(line, sizeof line, in)) {
        size_t used = 0;
        if (sscanf(line, "draw %d", &count) != 1 || count < 1) {
            used = (size_t)sprintf(reply, "error say draw and a number\n");
        } else {
            for (int number; count > 0 && used < 23000 && (number = take()) >= 0; count--)
                used += (size_t)sprintf(reply + used, used ? " %d" : "%d", number);
            used += (size_t)sprintf(reply + used, used ? "\n" : "no numbers left\n");
        }
        if (write(client, reply, used) != (ssize_t)used) break;
    }
    if (in) fclose(in);
    free(reply);
    return NULL;
}

int main(int count, char **words) {
    length = count > 1 ? atoi(words[1]) : 100000;
    window = count > 2 ? atol(words[2]) : 100;
    numbers = malloc(sizeof *numbers * (size_t)length);
    srand((unsigned)time(NULL) ^ (unsigned)getpid());
    for (int i = 0; i < length; i++) {
        int other = (int)(((long)rand() << 16 ^ rand()) % (i + 1));
        numbers[i] = numbers[other];
        numbers[other] = i + 1;
    }
    signal(SIGPIPE, SIG_IGN);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 512)) return 1;
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("listening on %d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        pthread_t thread;
        int client = accept(listener, NULL, NULL);
        if (client >= 0 && pthread_create(&thread, NULL, serve, (void *)(long)client) == 0)
            pthread_detach(thread);
    }
}
