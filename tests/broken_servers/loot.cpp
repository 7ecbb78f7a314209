// A right draw server in C++, a thread for each client. The argument is its port.
//
//     c++ -O2 -std=c++17 -pthread -o loot loot.cpp && ./loot 8888

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <numeric>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

static const size_t NUMBERS = 100000;

static std::vector<int> numbers(NUMBERS);
static size_t counter;
static std::mutex guard;

static std::vector<int> take(size_t count) {
    std::lock_guard<std::mutex> held(guard);
    size_t first = counter;
    counter += std::min(count, numbers.size() - first);
    return {numbers.begin() + long(first), numbers.begin() + long(counter)};
}

static std::string answer(const std::string &line) {
    std::istringstream words(line);
    std::string verb, reply;
    long count = 0;
    if (!(words >> verb >> count) || verb != "draw" || count < 1) return "error say draw and a number\n";
    for (int number : take(size_t(count))) reply += (reply.empty() ? "" : " ") + std::to_string(number);
    return reply.empty() ? "no numbers left\n" : reply + "\n";
}

static void serve(int client) {
    int on = 1;
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::string unread;
    char piece[1024];
    for (ssize_t count; (count = read(client, piece, sizeof piece)) > 0 && unread.size() < 65536;) {
        unread.append(piece, size_t(count));
        for (size_t end; (end = unread.find('\n')) != std::string::npos; unread.erase(0, end + 1)) {
            std::string reply = answer(unread.substr(0, end));
            for (size_t sent = 0; sent < reply.size();) {
                ssize_t now = write(client, reply.data() + sent, reply.size() - sent);
                if (now <= 0) {
                    close(client);
                    return;
                }
                sent += size_t(now);
            }
        }
    }
    close(client);
}

int main(int count, char **words) {
    std::iota(numbers.begin(), numbers.end(), 1);
    std::shuffle(numbers.begin(), numbers.end(), std::mt19937(std::random_device()()));
    std::signal(SIGPIPE, SIG_IGN);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(uint16_t(count > 1 ? std::atoi(words[1]) : 0));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, reinterpret_cast<sockaddr *>(&address), sizeof address) || listen(listener, 512)) return 1;
    for (;;) {
        int client = accept(listener, nullptr, nullptr);
        if (client >= 0) std::thread(serve, client).detach();
    }
}
