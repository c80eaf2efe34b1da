package dtls

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"
)

// pair returns a server and a client that know each other's fingerprints.
func pair(t testing.TB, adjust func(server, client *Config)) (server, client *Conn) {
	t.Helper()
	a, err := NewCertificate(ECDSA)
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewCertificate(ECDSA)
	if err != nil {
		t.Fatal(err)
	}
	sc := Config{Certificate: a, RemoteFingerprint: b.Fingerprint()}
	cc := Config{Certificate: b, RemoteFingerprint: a.Fingerprint()}
	if adjust != nil {
		adjust(&sc, &cc)
	}
	if server, err = NewServer(sc); err != nil {
		t.Fatal(err)
	}
	if client, err = NewClient(cc); err != nil {
		t.Fatal(err)
	}
	return server, client
}

// exchange carries datagrams both ways until nothing is on its way any more, a millisecond a round.
func exchange(server, client *Conn, d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Millisecond) {
		for _, b := range client.Outgoing() {
			server.Receive(b)
		}
		for _, b := range server.Outgoing() {
			client.Receive(b)
		}
	}
}

func TestHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := pair(t, nil)
		client.Start()
		exchange(server, client, time.Second)
		server.Wait()
		client.Wait()
		if server.State() != Connected || client.State() != Connected {
			t.Fatalf("server is %v (%v), client is %v (%v)", server.State(), server.Err(), client.State(), client.Err())
		}
		s, ok1 := server.Keys()
		c, ok2 := client.Keys()
		if !ok1 || !ok2 || s.Profile != AEADAES128GCM || c.Profile != s.Profile ||
			!bytes.Equal(s.LocalKey, c.RemoteKey) || !bytes.Equal(s.RemoteKey, c.LocalKey) ||
			!bytes.Equal(s.LocalSalt, c.RemoteSalt) || !bytes.Equal(s.RemoteSalt, c.LocalSalt) {
			t.Fatalf("keys differ: %+v %+v", s, c)
		}
		server.Close()
		exchange(server, client, 10*time.Millisecond)
		if client.State() != Closed || client.Err() != ErrPeerClosed {
			t.Fatalf("client is %v (%v)", client.State(), client.Err())
		}
	})
}
