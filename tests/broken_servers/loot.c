/* A draw server in C, a thread for each client.
 *
 *     cc -O2 -pthread -o loot loot.c && ./loot 8888
 *
 * The argument is the port. KIND is one of
 *
 * right          a mutex around the whole draw
 * no_lock        load and store of the counter, a slow line of a log between them
 * early          the mutex is given back before the log and the store
 * last_lost      the last number is never given
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

enum { REPLY = 24000 };

#define NUMBERS 100000
#define KIND "right"

static int length = NUMBERS, numbers[NUMBERS];
static volatile int counter;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static int is(const char *name) { return strcmp(KIND, name) == 0; }

/* Returns how many were drawn, from *first on. */
static int take(int count, int *first) {
    int locked = !is("no_lock");
    if (locked) pthread_mutex_lock(&mutex);
    *first = counter;
    int left = length - *first;
    if (count > left) count = left;
    if (is("early")) {
        pthread_mutex_unlock(&mutex);
        locked = 0;
    }
    if (!locked) usleep(20); /* the log */
    counter = *first + count;
    if (locked) pthread_mutex_unlock(&mutex);
    return count;
}

static void *serve(void *argument) {
    int client = (int)(long)argument, on = 1, count, first;
    char line[256], reply[REPLY];
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    FILE *in = fdopen(client, "r");
    while (in && fgets(line, sizeof line, in)) {
        size_t used = 0;
        if (sscanf(line, "draw %d", &count) != 1 || count < 1) {
            strcpy(reply, "error say draw and a number\n");
            used = strlen(reply);
        } else {
            count = take(count > 2000 ? 2000 : count, &first);
            for (int i = 0; i < count; i++)
                used += (size_t)sprintf(reply + used, used ? " %d" : "%d", numbers[first + i]);
            used += (size_t)sprintf(reply + used, used ? "\n" : "no numbers left\n");
        }
        if (write(client, reply, used) != (ssize_t)used) break;
    }
    if (in) fclose(in);
    return NULL;
}

int main(int count, char **words) {
    srand((unsigned)time(NULL) ^ (unsigned)getpid());
    for (int i = 0; i < length; i++) {
        int other = (int)(((long)rand() << 16 ^ rand()) % (i + 1));
        numbers[i] = numbers[other];
        numbers[other] = i + 1;
    }
    if (is("last_lost")) length--;
    signal(SIGPIPE, SIG_IGN);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((unsigned short)(count > 1 ? atoi(words[1]) : 0));
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 512)) return 1;
    for (;;) {
        pthread_t thread;
        int client = accept(listener, NULL, NULL);
        if (client >= 0 && pthread_create(&thread, NULL, serve, (void *)(long)client) == 0)
            pthread_detach(thread);
    }
}
