// The load of causeway_load for an etcd server, with etcd's own client library: so many requests
// outstanding, over so many connections, and the same line at the end.
//
//	load -server 127.0.0.1:2379 -op put -connections 8 -depth 32 -seconds 10
//
// Built by scripts/bench from Debian's golang-go and golang-etcd-server-dev:
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go build -o load load.go
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"sort"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/clientv3"
	"go.uber.org/zap"
)

func dial(server string) *clientv3.Client {
	quiet := zap.NewProductionConfig()
	quiet.Level = zap.NewAtomicLevelAt(zap.FatalLevel)
	client, err := clientv3.New(clientv3.Config{
		Endpoints: []string{server}, DialTimeout: 5 * time.Second, LogConfig: &quiet})
	if err != nil {
		fmt.Fprintln(os.Stderr, "etcd load:", err)
		os.Exit(1)
	}
	return client
}

func main() {
	server := flag.String("server", "127.0.0.1:2379", "HOST:PORT, the leader's for the best figures")
	op := flag.String("op", "put", "put, get (linearizable) or lget (serializable)")
	connections := flag.Int("connections", 8, "connections")
	depth := flag.Int("depth", 1, "requests outstanding on each")
	seconds := flag.Float64("seconds", 10, "how long it counts")
	warm := flag.Float64("warm", 1, "how long it runs before it counts")
	keys := flag.Int64("keys", 100000, "keys, of 16 bytes")
	size := flag.Int("value", 256, "bytes of a value")
	flag.Parse()

	value := strings.Repeat("v", *size)
	begin := time.Now().Add(time.Duration(*warm * float64(time.Second)))
	end := begin.Add(time.Duration(*seconds * float64(time.Second)))

	var wait sync.WaitGroup
	var lock sync.Mutex
	var latencies []float64 // milliseconds
	errors := 0
	for c := 0; c < *connections; c++ {
		client := dial(*server)
		for d := 0; d < *depth; d++ {
			wait.Add(1)
			random := rand.New(rand.NewSource(int64(c**depth + d)))
			go func() {
				defer wait.Done()
				var mine []float64
				failed := 0
				for {
					start := time.Now()
					if start.After(end) {
						break
					}
					key := fmt.Sprintf("key-%012d", random.Int63n(*keys))
					var err error
					switch *op {
					case "put":
						_, err = client.Put(context.Background(), key, value)
					case "get":
						_, err = client.Get(context.Background(), key)
					default:
						_, err = client.Get(context.Background(), key, clientv3.WithSerializable())
					}
					answered := time.Now()
					if err != nil {
						failed++
					}
					if answered.After(begin) && answered.Before(end) {
						mine = append(mine, answered.Sub(start).Seconds()*1e3)
					}
				}
				lock.Lock()
				latencies = append(latencies, mine...)
				errors += failed
				lock.Unlock()
			}()
		}
	}
	wait.Wait()
	if len(latencies) == 0 {
		fmt.Fprintln(os.Stderr, "etcd load: no answers")
		os.Exit(1)
	}
	sort.Float64s(latencies)
	quantile := func(q float64) float64 { return latencies[int(q*float64(len(latencies)-1))] }
	fmt.Printf("op=%s connections=%d depth=%d ops=%d errors=%d ops_s=%.0f p50_ms=%.3f p99_ms=%.3f max_ms=%.1f\n",
		*op, *connections, *depth, len(latencies), errors, float64(len(latencies)) / *seconds,
		quantile(0.5), quantile(0.99), quantile(1))
	if errors > 0 {
		os.Exit(1)
	}
}
