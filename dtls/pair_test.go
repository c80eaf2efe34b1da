package dtls

import (
	"math/rand/v2"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain proves over all tests that no goroutine outlives its association.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// certify makes a certificate or ends the test.
func certify(t testing.TB, k KeyType) *Certificate {
	t.Helper()
	c, err := NewCertificate(k)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// configs returns the configurations of a server and a client that know each other's fingerprints.
func configs(t testing.TB) (server, client Config) {
	t.Helper()
	a, b := certify(t, ECDSA), certify(t, ECDSA)
	return Config{Certificate: a, RemoteFingerprint: b.Fingerprint()},
		Config{Certificate: b, RemoteFingerprint: a.Fingerprint()}
}

// associate makes the two ends of an association.
func associate(t testing.TB, sc, cc Config) (server, client *Conn) {
	t.Helper()
	server, err := NewServer(sc)
	if err != nil {
		t.Fatal(err)
	}
	if client, err = NewClient(cc); err != nil {
		t.Fatal(err)
	}
	return server, client
}

// ends makes the two ends of an ordinary association.
func ends(t testing.TB) (server, client *Conn) {
	t.Helper()
	sc, cc := configs(t)
	return associate(t, sc, cc)
}

// network carries datagrams between two ends, in steps of a millisecond of the test's own time.
type network struct {
	rng      *rand.Rand
	loss     float64
	twice    float64 // how often a datagram arrives twice
	maxDelay int     // milliseconds; more than one means reordering
	tap      func(from *Conn, b []byte) (drop bool)
	flying   []flight
}

type flight struct {
	due time.Time
	to  *Conn
	b   []byte
}

func perfect() *network { return &network{rng: rand.New(rand.NewPCG(1, 2))} }

// run carries until d has passed.
func (n *network) run(a, b *Conn, d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Millisecond) {
		n.collect(a, b)
		n.collect(b, a)
		n.deliver()
	}
}

func (n *network) collect(from, to *Conn) {
	for _, b := range from.Outgoing() {
		if n.tap != nil && n.tap(from, b) || n.rng.Float64() < n.loss {
			continue
		}
		copies := 1
		if n.rng.Float64() < n.twice {
			copies = 2
		}
		for range copies {
			delay := time.Duration(n.rng.IntN(n.maxDelay+1)) * time.Millisecond
			n.flying = append(n.flying, flight{time.Now().Add(delay), to, b})
		}
	}
}

func (n *network) deliver() {
	later := n.flying[:0:0]
	for _, f := range n.flying {
		if f.due.After(time.Now()) {
			later = append(later, f)
			continue
		}
		f.to.Receive(f.b)
	}
	n.flying = later
}

// connect brings up an association over a perfect network.
func connect(t testing.TB, server, client *Conn) {
	t.Helper()
	client.Start()
	perfect().run(server, client, time.Second)
	server.Wait()
	client.Wait()
	expectState(t, "server", server, Connected)
	expectState(t, "client", client, Connected)
}

func expectState(t testing.TB, who string, c *Conn, want State) {
	t.Helper()
	if c.State() != want {
		t.Fatalf("%s is %v (%v), want %v", who, c.State(), c.Err(), want)
	}
}
