// gomemcache, the client of most programs in Go, in the text protocol.
// SERVER is the address of a server with --debug-commands. Prints TAP.
package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
)

var (
	address = os.Getenv("SERVER")
	client  = memcache.New(address)
	count   = 0
	failed  = false
)

func main() {
	client.Timeout = 120 * time.Second
	test("values come back with their flags", valuesComeBack)
	test("a value over the limit is refused and the connection stays usable", tooLarge)
	test("stores check their condition", conditions)
	test("cas stores only over the value that was read", compareAndSwap)
	test("many keys are read at once", manyKeys)
	test("numbers are incremented and not created", numbers)
	test("touch and exptimes take effect", touch)
	test("flush empties the server", flush)
	fmt.Printf("1..%d\n", count)
	if failed {
		os.Exit(1)
	}
}

// Runs one test on an empty server; a panic fails it.
func test(name string, body func()) {
	count++
	defer func() {
		if why := recover(); why != nil {
			failed = true
			fmt.Printf("not ok %d - %s\n# %v\n", count, name, why)
			return
		}
		fmt.Printf("ok %d - %s\n", count, name)
	}()
	equal(nil, client.DeleteAll())
	body()
}

func equal(wanted, got interface{}) {
	if !reflect.DeepEqual(wanted, got) {
		panic(fmt.Sprintf("got %.300v, not %.300v", got, wanted))
	}
}

// Advances the server's clock.
func advanceClock(secs int) {
	connection, err := net.Dial("tcp", address)
	equal(nil, err)
	defer connection.Close()
	fmt.Fprintf(connection, "debugtime %d\r\n", secs)
	reply, err := bufio.NewReader(connection).ReadString('\n')
	equal(nil, err)
	equal("OK\r\n", reply)
}

func item(value string) *memcache.Item {
	return &memcache.Item{Key: "k", Value: []byte(value)}
}

func get(key string) string {
	item, err := client.Get(key)
	equal(nil, err)
	return string(item.Value)
}

func absent(key string) {
	_, err := client.Get(key)
	equal(memcache.ErrCacheMiss, err)
}

func valuesComeBack() {
	bytes := make([]byte, 256)
	for at := range bytes {
		bytes[at] = byte(at)
	}
	for _, value := range []string{"text", "żółć ☃", string(bytes), "", strings.Repeat("v", 1000000)} {
		equal(nil, client.Set(&memcache.Item{Key: "k", Value: []byte(value), Flags: 1<<32 - 1}))
		got, err := client.Get("k")
		equal(nil, err)
		equal(value, string(got.Value))
		equal(uint32(1<<32-1), got.Flags)
	}
	absent("missing")
}

func tooLarge() {
	equal(nil, client.Set(item("old")))
	err := client.Set(item(strings.Repeat("v", 1<<20)))
	if err == nil || !strings.Contains(err.Error(), "object too large for cache") {
		panic(err)
	}
	absent("k")
	equal(nil, client.Set(item("new")))
	equal("new", get("k"))
}

func conditions() {
	equal(memcache.ErrNotStored, client.Replace(item("lost")))
	equal(nil, client.Add(item("first")))
	equal(memcache.ErrNotStored, client.Add(item("second")))
	equal("first", get("k"))
	equal(nil, client.Replace(item("ham")))
	equal("ham", get("k"))
	equal(nil, client.Delete("k"))
	equal(memcache.ErrCacheMiss, client.Delete("k"))
}

func compareAndSwap() {
	equal(nil, client.Set(item("read")))
	first, err := client.Get("k")
	equal(nil, err)
	second, err := client.Get("k")
	equal(nil, err)
	first.Value = []byte("written")
	equal(nil, client.CompareAndSwap(first))
	second.Value = []byte("too late")
	equal(memcache.ErrCASConflict, client.CompareAndSwap(second))
	equal("written", get("k"))
	equal(nil, client.Delete("k"))
	equal(memcache.ErrCacheMiss, client.CompareAndSwap(second))
}

func manyKeys() {
	wanted := map[string]string{}
	keys := []string{"missing"}
	for number := 0; number < 500; number++ {
		key, value := fmt.Sprintf("key-%d", number), fmt.Sprintf("value %d", number)
		equal(nil, client.Set(&memcache.Item{Key: key, Value: []byte(value)}))
		wanted[key] = value
		keys = append(keys, key)
	}
	items, err := client.GetMulti(keys)
	equal(nil, err)
	got := map[string]string{}
	for key, item := range items {
		got[key] = string(item.Value)
	}
	equal(wanted, got)
}

func numbers() {
	_, err := client.Increment("k", 1)
	equal(memcache.ErrCacheMiss, err)
	equal(nil, client.Set(item("40")))
	number, err := client.Increment("k", 2)
	equal(nil, err)
	equal(uint64(42), number)
	number, err = client.Decrement("k", 50)
	equal(nil, err)
	equal(uint64(0), number)
	equal(nil, client.Set(item("text")))
	_, err = client.Increment("k", 1)
	if err == nil || !strings.Contains(err.Error(), "non-numeric value") {
		panic(err)
	}
}

func touch() {
	equal(memcache.ErrCacheMiss, client.Touch("k", 100))
	for _, key := range []string{"k", "touched"} {
		equal(nil, client.Set(&memcache.Item{Key: key, Value: []byte("v"), Expiration: 10}))
	}
	equal(nil, client.Touch("touched", 100))
	advanceClock(20)
	absent("k")
	equal("v", get("touched"))
}

func flush() {
	equal(nil, client.Set(item("v")))
	equal(nil, client.FlushAll())
	absent("k")
}
