package dtls

import (
	"runtime"
	"testing"
)

// handshakeNow brings up an association without a simulated clock.
func handshakeNow(b *testing.B, sc, cc Config) (server, client *Conn) {
	b.Helper()
	woken := make(chan struct{}, 1)
	wake := func() {
		select {
		case woken <- struct{}{}:
		default:
		}
	}
	sc.Wake, cc.Wake = wake, wake
	server, client = associate(b, sc, cc)
	client.Start()
	for server.State() < Connected || client.State() < Connected {
		<-woken
		for _, d := range client.Outgoing() {
			server.Receive(d)
		}
		for _, d := range server.Outgoing() {
			client.Receive(d)
		}
	}
	server.Wait()
	client.Wait()
	expectState(b, "server", server, Connected)
	return server, client
}

// BenchmarkHandshake measures both ends of a handshake.
func BenchmarkHandshake(b *testing.B) {
	sc, cc := configs(b)
	for b.Loop() {
		handshakeNow(b, sc, cc)
	}
}

// BenchmarkEstablished measures what an established association keeps in memory.
func BenchmarkEstablished(b *testing.B) {
	const count = 200
	sc, cc := configs(b)
	for b.Loop() {
		kept := make([]*Conn, 0, count)
		before, goroutines := heap(), runtime.NumGoroutine()
		for range count {
			server, _ := handshakeNow(b, sc, cc)
			kept = append(kept, server)
		}
		b.ReportMetric(float64(heap()-before)/count, "B/conn")
		b.ReportMetric(float64(runtime.NumGoroutine()-goroutines), "goroutines")
		runtime.KeepAlive(kept)
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	m := runtime.MemStats{}
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkForgedAlert measures what it costs to see through an alert that somebody made up.
func BenchmarkForgedAlert(b *testing.B) {
	a, p := mirrored()
	r, err := a.seal(typeAlert, []byte{alertWarning, alertCloseNotify})
	if err != nil {
		b.Fatal(err)
	}
	r[len(r)-1] ^= 1
	c := &Conn{state: Connected, est: &established{protection: *p}}
	b.ReportAllocs()
	for b.Loop() {
		if c.Receive(r) {
			b.Fatal("it was taken for authentic")
		}
	}
}
