package dtls

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// checkKeys says whether what one side encrypts the other can decrypt.
func checkKeys(t *testing.T, server, client *Conn, want Profile) {
	t.Helper()
	s, ok1 := server.Keys()
	c, ok2 := client.Keys()
	if !ok1 || !ok2 {
		t.Fatal("there are no keys")
	}
	if s.Profile != want || c.Profile != want {
		t.Fatalf("profiles are %#x and %#x, want %#x", s.Profile, c.Profile, want)
	}
	if !bytes.Equal(s.LocalKey, c.RemoteKey) || !bytes.Equal(s.RemoteKey, c.LocalKey) ||
		!bytes.Equal(s.LocalSalt, c.RemoteSalt) || !bytes.Equal(s.RemoteSalt, c.LocalSalt) {
		t.Fatalf("keys do not fit:\n%+v\n%+v", s, c)
	}
	if bytes.Equal(s.LocalKey, s.RemoteKey) || bytes.Equal(s.LocalSalt, s.RemoteSalt) {
		t.Fatal("both directions have the same keys")
	}
	key, salt, err := want.lengths()
	if err != nil || len(s.LocalKey) != key || len(s.LocalSalt) != salt {
		t.Fatalf("lengths are %d and %d, want %d and %d (%v)", len(s.LocalKey), len(s.LocalSalt), key, salt, err)
	}
}

func TestHandshakeNegotiatesProfile(t *testing.T) {
	cm, gcm, gcm256 := AES128CMHMACSHA1_80, AEADAES128GCM, AEADAES256GCM
	for _, c := range []struct {
		name           string
		server, client []Profile
		want           Profile
	}{
		{"defaults", nil, nil, gcm},
		{"the server's order counts", nil, []Profile{cm, gcm256, gcm}, gcm},
		{"client without GCM", nil, []Profile{cm}, cm},
		{"client with the longer key only", nil, []Profile{gcm256, cm}, gcm256},
		{"server without GCM", []Profile{cm}, nil, cm},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sc, cc := configs(t)
				sc.Profiles, cc.Profiles = c.server, c.client
				server, client := associate(t, sc, cc)
				connect(t, server, client)
				checkKeys(t, server, client, c.want)
			})
		})
	}
}

func TestHandshakeWithRSACertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc, cc := configs(t)
		sc.Certificate = certify(t, RSA)
		cc.RemoteFingerprint = sc.Certificate.Fingerprint()
		server, client := associate(t, sc, cc)
		connect(t, server, client)
		checkKeys(t, server, client, AEADAES128GCM)
	})
}

func TestHandshakeSurvivesBadNetworks(t *testing.T) {
	for seed := range uint64(24) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, client := ends(t)
				numbers := newNumbers(t)
				n := &network{
					rng: rand.New(rand.NewPCG(seed, 7)), loss: 0.25, twice: 0.2, maxDelay: 60, tap: numbers.tap,
				}
				client.Start()
				n.run(server, client, 29*time.Second)
				checkKeys(t, server, client, AEADAES128GCM)

				n.loss = 0
				client.Close()
				n.run(server, client, time.Second)
				expectState(t, "server", server, Closed)
				if !errors.Is(server.Err(), ErrPeerClosed) {
					t.Fatalf("server says %v", server.Err())
				}
			})
		})
	}
}

// numbers watches that no record number of epoch 1, which is the nonce, is used for two different records.
type numbers struct {
	t    *testing.T
	seen map[*Conn]map[uint64][]byte
}

func newNumbers(t *testing.T) *numbers {
	return &numbers{t, map[*Conn]map[uint64][]byte{}}
}

func (n *numbers) tap(from *Conn, b []byte) (drop bool) {
	if n.seen[from] == nil {
		n.seen[from] = map[uint64][]byte{}
	}
	for r := range records(b) {
		if r.epoch() == 0 {
			continue
		}
		if old, ok := n.seen[from][r.sequence()]; ok && !bytes.Equal(old, r) {
			n.t.Fatalf("record number %d was used for two records", r.sequence())
		}
		n.seen[from][r.sequence()] = bytes.Clone(r)
	}
	return false
}

func TestLastFlightIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := ends(t)
		numbers, lost := newNumbers(t), 0
		n := perfect()
		n.tap = func(from *Conn, b []byte) bool {
			numbers.tap(from, b)
			if from == server && b[0] == typeChangeCipherSpec && lost < 3 {
				lost++
				return true
			}
			return false
		}
		client.Start()
		n.run(server, client, 50*time.Millisecond)
		server.Wait()
		expectState(t, "server", server, Connected)
		expectState(t, "client", client, Handshaking)
		n.run(server, client, 5*time.Second)
		expectState(t, "client", client, Connected)
		if lost != 3 || server.Stats().Repeats != 3 {
			t.Fatalf("%d last flights were lost, %d were repeated; want 3 and 3", lost, server.Stats().Repeats)
		}
		client.Close()
		n.run(server, client, 10*time.Millisecond)
		expectState(t, "server", server, Closed)
	})
}

func TestPeersThatAreRefused(t *testing.T) {
	stranger := Fingerprint{Hash: "sha-256", Value: strings.Repeat("AB:", 31) + "AB"}
	t.Run("client with another certificate", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			sc, cc := configs(t)
			sc.RemoteFingerprint = stranger
			server, client := associate(t, sc, cc)
			client.Start()
			perfect().run(server, client, time.Second)
			expectState(t, "server", server, Failed)
			if !errors.Is(server.Err(), ErrFingerprint) {
				t.Fatalf("server says %v", server.Err())
			}
			expectState(t, "client", client, Failed) // It was told by an alert.
			if _, ok := server.Keys(); ok {
				t.Fatal("there are keys")
			}
		})
	})
	t.Run("server with another certificate", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			sc, cc := configs(t)
			cc.RemoteFingerprint = stranger
			server, client := associate(t, sc, cc)
			client.Start()
			perfect().run(server, client, time.Second)
			expectState(t, "server", server, Failed)
			if !strings.Contains(server.Err().Error(), "BadCertificate") {
				t.Fatalf("server says %v", server.Err())
			}
			if !errors.Is(client.Err(), ErrFingerprint) {
				t.Fatalf("client says %v", client.Err())
			}
		})
	})
	t.Run("no common profile", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			sc, cc := configs(t)
			sc.Profiles, cc.Profiles = []Profile{AEADAES128GCM}, []Profile{AES128CMHMACSHA1_80}
			server, client := associate(t, sc, cc)
			client.Start()
			perfect().run(server, client, time.Second)
			expectState(t, "server", server, Failed)
			expectState(t, "client", client, Failed)
		})
	})
}

func TestHandshakeTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wakes := make(chan struct{}, 100)
		sc, cc := configs(t)
		sc.Wake = func() { wakes <- struct{}{} }
		sc.Timeout = 7 * time.Second
		server, client := associate(t, sc, cc)
		n := perfect()
		n.tap = func(from *Conn, b []byte) bool { return from == server } // The client hears nothing.
		client.Start()
		start := time.Now()
		n.run(server, client, time.Second)
		client.Destroy()
		server.Wait()
		if took := time.Since(start); took < 7*time.Second || took > 8*time.Second {
			t.Fatalf("it took %v", took)
		}
		expectState(t, "server", server, Failed)
		if !errors.Is(server.Err(), ErrTimeout) {
			t.Fatalf("server says %v", server.Err())
		}
		if len(wakes) == 0 {
			t.Fatal("nobody was woken")
		}
	})
}

func TestOutgoingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc, cc := configs(t)
		sc.RetransmitInterval = time.Millisecond
		sc.MTU = 300
		server, client := associate(t, sc, cc)
		client.Start()
		synctest.Wait()
		for _, b := range client.Outgoing() {
			server.Receive(b)
		}
		server.Wait() // It gives up after 30 s of sending to nobody.
		out := server.Outgoing()
		if len(out) > maxOutgoing || server.Stats().OutgoingDropped == 0 {
			t.Fatalf("%d datagrams wait, %d were dropped", len(out), server.Stats().OutgoingDropped)
		}
		for _, b := range out {
			if len(b) > 300 {
				t.Fatalf("a datagram has %d bytes, the MTU is 300", len(b))
			}
		}
		client.Destroy()
	})
}
