package rtc

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oneport/dtls"
	"oneport/ice"
	"oneport/sdp"
)

// TestHandshake: keys come about over good and bad datagram networks and over streams, for every SRTP profile.
func TestHandshake(t *testing.T) {
	for name, test := range map[string]struct {
		path     ice.Path
		net      func() *network
		profiles []dtls.Profile
		want     dtls.Profile
	}{
		"udp":            {udpPath, perfect, nil, dtls.AEADAES128GCM},
		"tcp":            {tcpPath, func() *network { return stream(1) }, nil, dtls.AEADAES128GCM},
		"lossy 1":        {udpPath, func() *network { return lossy(1) }, nil, dtls.AEADAES128GCM},
		"lossy 2":        {udpPath, func() *network { return lossy(2) }, nil, dtls.AEADAES128GCM},
		"lossy 3":        {udpPath, func() *network { return lossy(3) }, nil, dtls.AEADAES128GCM},
		"CM_80 client":   {tcpPath, func() *network { return stream(2) }, []dtls.Profile{dtls.AES128CMHMACSHA1_80}, dtls.AES128CMHMACSHA1_80},
		"passive client": {tcpPath, func() *network { return stream(3) }, nil, dtls.AEADAES128GCM},
		"server's rank":  {udpPath, perfect, []dtls.Profile{dtls.AES128CMHMACSHA1_80, dtls.AEADAES128GCM}, dtls.AEADAES128GCM},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				session := publisher(t)
				session.Active = name == "passive client"
				c := dial(t, session, test.path, test.net(), test.profiles)
				if _, ok := c.peer.Profile(); ok {
					t.Error("there is a profile before the handshake")
				}
				c.handshake()
				got, _ := c.peer.dtls.Keys()
				if got.Profile != test.want || !bytes.Equal(got.LocalKey, c.client.keys.RemoteKey) ||
					!bytes.Equal(got.RemoteSalt, c.client.keys.LocalSalt) {
					t.Errorf("the ends have %+v and %+v, want %v", got, c.client.keys, test.want)
				}
				if p, ok := c.peer.Profile(); !ok || p != test.want {
					t.Errorf("Profile says %v, %v", p, ok)
				}
				if p, ok := c.peer.Selected(); !ok || p != test.path {
					t.Errorf("the selected path is %v, %v", p, ok)
				}
				if p := c.sendRTP(vp8(c, 1)).Packet; p == nil {
					t.Error("the first packet of media was not taken")
				}
			})
		})
	}
}

// Before a verified check no DTLS is looked at, whatever path it comes by.
func TestHandshakeNeedsCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := dial(t, publisher(t), udpPath, perfect(), nil)
		c.client.dtls.Start()
		time.Sleep(10 * time.Millisecond)
		hello := c.client.dtls.Outgoing()
		if len(hello) == 0 {
			t.Fatal("the client is silent")
		}
		c.receive(hello[0])
		if s := c.peer.dtls.State(); s != dtls.New {
			t.Errorf("DTLS is %v after a hello from nowhere", s)
		}
		c.check(udpPath, false)
		c.path = tcpPath
		c.receive(hello[0])
		if in, _ := c.peer.Stats(); in.DTLSDropped != 2 {
			t.Errorf("%d dropped datagrams are counted of 2", in.DTLSDropped)
		}
		if s := c.peer.dtls.State(); s != dtls.New {
			t.Errorf("DTLS is %v after a hello by an unchecked path", s)
		}
		c.path = udpPath
		c.receive(hello[0])
		if s := c.peer.dtls.State(); s != dtls.Handshaking {
			t.Errorf("DTLS is %v after a hello by a checked path", s)
		}
		for range 100 { // more than its queue holds
			c.receive(hello[0])
		}
		c.receive([]byte{21, 0xfe, 0xfd, 1}) // nothing of this time
		drops := c.peer.dtls.Stats()
		if in, _ := c.peer.Stats(); drops.ReceiveDropped == 0 || drops.Ignored == 0 || in.DTLSDropped != 2+drops.ReceiveDropped+drops.Ignored {
			t.Errorf("%d dropped datagrams are counted, of which DTLS says %+v", in.DTLSDropped, drops)
		}
	})
}

// A certificate that is not the offer's ends the session.
func TestHandshakeWrongFingerprint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := dial(t, publisher(t), udpPath, perfect(), nil)
		c.peer.Close()
		wrong := c.peer.config
		wrong.Session.Fingerprint = sdp.Fingerprint(certify(t).Fingerprint())
		var err error
		if c.peer, err = NewPeer(c.now, wrong); err != nil {
			t.Fatal(err)
		}
		for ms := 0; ms < 1000 && c.closed == nil; ms++ {
			c.step(!c.client.reachable)
		}
		if !errors.Is(c.closed, dtls.ErrFingerprint) {
			t.Errorf("the session ends with %v", c.closed)
		}
		_, msg := c.client.request(true)
		if ev := c.receive(msg); ev.Reply != nil || ev.Closed != nil {
			t.Error("a session that is over still answers")
		}
	})
}

func TestBadFingerprintIsRefused(t *testing.T) {
	s := publisher(t)
	s.Fingerprint = sdp.Fingerprint{Hash: "sha-256", Value: "AB"}
	_, err := NewPeer(time.Now(), Config{Session: s, Local: credentials(), Certificate: certify(t)})
	if err == nil || !strings.Contains(err.Error(), "fingerprint") {
		t.Errorf("NewPeer says %v", err)
	}
}

// A session that nobody checks is over after 15 s, one that fell silent after 30.
func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := dial(t, publisher(t), udpPath, perfect(), nil)
		ev := c.peer.Service(c.now)
		if want := c.now.Add(15 * time.Second); !ev.Deadline.Equal(want) {
			t.Errorf("the deadline is in %v", ev.Deadline.Sub(c.now))
		}
		c.now = c.now.Add(15*time.Second - 1)
		if ev = c.peer.Service(c.now); ev.Closed != nil {
			t.Errorf("over too early: %v", ev.Closed)
		}
		c.now = c.now.Add(1)
		if ev = c.peer.Service(c.now); !errors.Is(ev.Closed, ice.ErrNoCheck) {
			t.Errorf("after 15 s: %v", ev.Closed)
		}
		if ev = c.peer.Service(c.now); ev.Closed != nil || !ev.Deadline.IsZero() {
			t.Errorf("a session ends twice: %+v", ev)
		}
	})
	bubble(t, publisher, udpPath, func(t *testing.T, c *call) {
		c.sendRTP(vp8(c, 1))
		c.wait(30*time.Second - 1)
		if c.closed != nil {
			t.Fatalf("over too early: %v", c.closed)
		}
		c.wait(1)
		if !errors.Is(c.closed, ice.ErrSilent) {
			t.Errorf("a silent client ends with %v", c.closed)
		}
	})
}

// A client that is checked but never begins DTLS has 30 s, however lively it is; one that has begun is the handshake's matter.
func TestExpiryWithoutHello(t *testing.T) {
	for name, hello := range map[string]bool{"no hello": false, "a late hello": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := dial(t, viewer(t), tcpPath, perfect(), nil)
				c.now = c.now.Add(10 * time.Second)
				end := c.now.Add(30 * time.Second)
				for ; c.now.Before(end); c.now = c.now.Add(time.Second) {
					if ev := c.check(tcpPath, true); ev.Closed != nil {
						t.Fatalf("over %v too early: %v", end.Sub(c.now), ev.Closed)
					}
				}
				if ev := c.peer.Service(c.now.Add(-1)); ev.Closed != nil || !ev.Deadline.Equal(end) {
					t.Errorf("before the end comes %v, and the deadline is %v after it", ev.Closed, ev.Deadline.Sub(end))
				}
				if hello {
					c.client.dtls.Start()
					time.Sleep(10 * time.Millisecond)
					c.now = c.now.Add(-1)
					c.receive(c.client.dtls.Outgoing()[0])
					c.now = end
				}
				if ev := c.peer.Service(c.now); errors.Is(ev.Closed, ErrNoHello) == hello {
					t.Errorf("at the end comes %v", ev.Closed)
				}
			})
		})
	}
}

// Close tells the client, and the client's own close_notify ends the session.
func TestClose(t *testing.T) {
	for _, path := range []ice.Path{udpPath, tcpPath} {
		bubble(t, viewer, path, func(t *testing.T, c *call) {
			for _, record := range frames(t, c.peer.Close()) {
				c.client.dtls.Receive(record)
			}
			if err := c.client.dtls.Err(); !errors.Is(err, dtls.ErrPeerClosed) {
				t.Errorf("the client hears %v", err)
			}
			ev := c.receive([]byte{0x80, 100, 0, 0})
			if fmt.Sprint(ev) != fmt.Sprint(Events{}) || len(c.peer.Close()) != 0 {
				t.Errorf("a closed peer says %+v", ev)
			}
		})
		bubble(t, viewer, path, func(t *testing.T, c *call) {
			c.client.dtls.Close()
			for _, record := range c.client.dtls.Outgoing() {
				c.receive(record)
			}
			if !errors.Is(c.closed, dtls.ErrPeerClosed) {
				t.Errorf("the peer hears %v", c.closed)
			}
		})
	}
}
