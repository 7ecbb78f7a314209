// A draw server in Go, a goroutine for each client. The argument is its port. KIND is one of:
//
//	right     a mutex around the list
//	no_lock   none, and a pause between the load and the store
//
//	go build loot.go && ./loot 8888
package main

import (
	"bufio"
	"fmt"
	"math/rand"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const NUMBERS = 100000
const KIND = "right"

var (
	mutex sync.Mutex
	left  = rand.New(rand.NewSource(time.Now().UnixNano())).Perm(NUMBERS)
	index int
)

func take(count int) []int {
	if KIND == "right" {
		mutex.Lock()
		defer mutex.Unlock()
	}
	first := index
	if count > len(left)-first {
		count = len(left) - first
	}
	if KIND == "no_lock" {
		time.Sleep(20 * time.Microsecond) // the log
	}
	index = first + count
	return left[first : first+count]
}

func serve(client net.Conn) {
	defer client.Close()
	lines := bufio.NewScanner(client)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		count := 0
		if len(words) == 2 && words[0] == "draw" {
			count, _ = strconv.Atoi(words[1])
		}
		if count < 1 {
			fmt.Fprintln(client, "error say draw and a number")
			continue
		}
		drawn := take(count)
		if len(drawn) == 0 {
			fmt.Fprintln(client, "no numbers left")
			continue
		}
		var reply strings.Builder
		for _, number := range drawn {
			fmt.Fprintf(&reply, "%d ", number+1)
		}
		fmt.Fprintln(client, strings.TrimSpace(reply.String()))
	}
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for {
		if client, err := listener.Accept(); err == nil {
			go serve(client)
		}
	}
}
