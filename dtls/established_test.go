package dtls

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestCloseIsHeard(t *testing.T) {
	for _, name := range []string{"server closes", "client closes"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				one, other := ends(t)
				connect(t, one, other)
				if name == "client closes" {
					one, other = other, one
				}
				one.Close()
				one.Close()
				out := one.Outgoing()
				if len(out) != 1 {
					t.Fatalf("%d datagrams say goodbye", len(out))
				}
				if !other.Receive(out[0]) {
					t.Fatal("goodbye was not taken for authentic")
				}
				expectState(t, "the other", other, Closed)
				if !errors.Is(other.Err(), ErrPeerClosed) || one.Err() != nil {
					t.Fatalf("errors are %v and %v", other.Err(), one.Err())
				}
				if reply := other.Outgoing(); len(reply) != 1 {
					t.Fatalf("the reply has %d datagrams", len(reply))
				}
				if other.Receive(out[0]) || len(other.Outgoing()) != 0 {
					t.Fatal("a second goodbye had an effect")
				}
			})
		})
	}
}

func TestForgedAlertsChangeNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := ends(t)
		connect(t, server, client)
		client.Close()
		genuine := client.Outgoing()[0]
		const attempts = 10_000
		for i := range attempts {
			forged := bytes.Clone(genuine)
			forged[headerLen+i%(len(forged)-headerLen)] ^= byte(1 + i%255)
			if server.Receive(forged) {
				t.Fatal("a forged alert was taken for authentic")
			}
		}
		plain := []byte{typeAlert, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, alertFatal, 40}
		if server.Receive(plain) {
			t.Fatal("an unprotected alert was taken for authentic")
		}
		expectState(t, "server", server, Connected)
		if got := server.Stats().Ignored; got != attempts+1 {
			t.Fatalf("%d datagrams were ignored, want %d", got, attempts+1)
		}
		if n := len(server.Outgoing()); n != 0 {
			t.Fatalf("%d datagrams answer the forgeries", n)
		}
		if !server.Receive(genuine) {
			t.Fatal("the genuine alert was not taken for authentic")
		}
		expectState(t, "server", server, Closed)
	})
}

// sealed makes the client write a record of its own making.
func sealed(t *testing.T, c *Conn, kind byte, fragment ...byte) []byte {
	t.Helper()
	r, err := c.est.protection.seal(kind, fragment)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAlertsOtherThanCloseNotify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := ends(t)
		connect(t, server, client)
		if !server.Receive(sealed(t, client, typeAlert, alertWarning, 90)) {
			t.Fatal("a warning was not taken for authentic")
		}
		expectState(t, "server", server, Connected)
		server.Receive(sealed(t, client, typeAlert, alertFatal, 80))
		expectState(t, "server", server, Closed)
		if !strings.Contains(server.Err().Error(), "InternalError") {
			t.Fatalf("server says %v", server.Err())
		}
	})
}

func TestReplaysAreNotAuthentic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := ends(t)
		connect(t, server, client)
		older := sealed(t, client, typeAlert, alertWarning, 90)
		newer := sealed(t, client, typeAlert, alertWarning, 90)
		if !server.Receive(newer) {
			t.Fatal("a new record is not authentic")
		}
		if server.Receive(newer) || server.Receive(older) {
			t.Fatal("an old record is authentic")
		}
	})
}

func TestRepetitionIsRateLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := ends(t)
		connect(t, server, client)
		finished := append([]byte{msgFinished, 0, 0, 12, 0, 5, 0, 0, 0, 0, 0, 12}, make([]byte, 12)...)
		count := 0
		for range 500 { // a second
			server.Receive(sealed(t, client, typeHandshake, finished...))
			for _, b := range server.Outgoing() {
				if b[0] != typeChangeCipherSpec {
					t.Fatalf("a datagram begins with %d", b[0])
				}
				count++
			}
			time.Sleep(2 * time.Millisecond)
		}
		if count != 10 {
			t.Fatalf("the last flight was repeated %d times in a second, want 10", count)
		}
		for range 500 {
			client.Receive(sealed(t, server, typeHandshake, finished...))
		}
		if n := len(client.Outgoing()); n != 0 {
			t.Fatalf("the client repeats %d datagrams, but its flight is not the last", n)
		}
	})
}

func TestEverythingElseIsIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := ends(t)
		connect(t, server, client)
		for name, b := range map[string][]byte{
			"nothing":                nil,
			"STUN":                   {0, 1, 0, 0},
			"SRTP":                   {0x80, 96, 0, 0},
			"application data":       sealed(t, client, 23, 1, 2, 3),
			"a hello to renegotiate": sealed(t, client, typeHandshake, append([]byte{msgClientHello}, make([]byte, 200)...)...),
			"half a record":          sealed(t, client, typeAlert, alertWarning, alertCloseNotify)[:20],
			"too long":               append([]byte{typeAlert}, make([]byte, maxDatagram)...),
		} {
			if server.Receive(b) || len(server.Outgoing()) > 0 || server.State() != Connected {
				t.Errorf("%s had an effect", name)
			}
		}
	})
}

// TestCloseAtOnce has the client's close_notify arrive while the server is still busy with its last flight, so
// that it is for chance to say whether the handshake or what follows it sees the alert.
func TestCloseAtOnce(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			sc, cc := configs(t)
			var server, client *Conn
			sc.Wake = func() {
				for _, b := range server.Outgoing() {
					client.Receive(b)
					if b[0] != typeChangeCipherSpec {
						continue
					}
					client.Wait()
					client.Close()
					for _, b := range client.Outgoing() {
						server.Receive(b)
					}
				}
			}
			server, client = associate(t, sc, cc)
			client.Start()
			perfect().run(server, client, time.Second)
			server.Wait()
			if server.State() < Closed || server.Err() == nil || !strings.Contains(strings.ToLower(server.Err().Error()), "close") {
				t.Fatalf("server is %v (%v)", server.State(), server.Err())
			}
		})
	}
}

// TestEndInEveryState closes and destroys associations wherever they stand; that no goroutine is left is proved
// by the bubble, which does not end while one is.
func TestEndInEveryState(t *testing.T) {
	seen := map[State]bool{}
	for name, end := range map[string]func(*Conn){"close": (*Conn).Close, "destroy": (*Conn).Destroy} {
		for _, after := range []time.Duration{0, 1, 2, 3, 4, 5, 6, 8, 10, 1000} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					server, client := ends(t)
					client.Start()
					perfect().run(server, client, after*time.Millisecond)
					was := server.State()
					seen[was] = true
					for range 2 {
						end(server)
						end(client)
					}
					server.Wait()
					client.Wait()
					expectState(t, "server", server, Closed)
					expectState(t, "client", client, Closed)
					said := len(server.Outgoing()) > 0
					if name == "destroy" && said {
						t.Fatal("a destroyed association speaks")
					}
					if name == "close" && was == Connected && !said {
						t.Fatal("a closed association says no goodbye")
					}
					server.Receive([]byte{typeAlert, 0xfe, 0xfd})
					client.Start()
					server.Close()
					expectState(t, "server", server, Closed)
				})
			})
		}
	}
	for _, state := range []State{New, Handshaking, Connected} {
		if !seen[state] {
			t.Errorf("no association was ended while %v", state)
		}
	}
}

// A client sends media the moment it has the server's last flight: the server must have its keys by then.
func TestLastFlightWaitsForKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc, cc := configs(t)
		var server, client *Conn
		early, seen := false, false // written by the goroutine of the handshake, which Wait outlives
		sc.Wake = func() {
			for _, b := range server.Outgoing() {
				if b[0] == typeChangeCipherSpec {
					_, ok := server.Keys()
					early, seen = early || !ok, true
				}
				client.Receive(b)
			}
		}
		server, client = associate(t, sc, cc)
		client.Start()
		for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
			for _, b := range client.Outgoing() {
				server.Receive(b)
			}
		}
		server.Wait()
		client.Wait()
		expectState(t, "client", client, Connected)
		if early || !seen {
			t.Errorf("the server's last flight was seen: %v, and before there were keys: %v", seen, early)
		}
	})
}
