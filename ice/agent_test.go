package ice

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	epoch       = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	serverCreds = Credentials{Ufrag: "server01", Pwd: "serverpasswordserverpassword0001"}
	serverAgain = Credentials{Ufrag: "server02", Pwd: "serverpasswordserverpassword0002"}
	clientCreds = Credentials{Ufrag: "clnt", Pwd: "clientpasswordclientpass"}

	server = netip.MustParseAddrPort("192.0.2.1:8080")
	udp1   = Path{Transport: UDP, Local: server, Remote: netip.MustParseAddrPort("198.51.100.1:1001")}
	tcp1   = tcpPath(1)
)

func tcpPath(conn uint64) Path {
	remote := netip.AddrPortFrom(netip.MustParseAddr("198.51.100.1"), uint16(2000+conn))
	return Path{Transport: TCP, Local: server, Remote: remote, Conn: conn}
}

func udpPath(port uint16) Path {
	return Path{Transport: UDP, Local: server, Remote: netip.AddrPortFrom(udp1.Remote.Addr(), port)}
}

func request(to Credentials, priority uint32, nominate bool) []byte {
	return AppendRequest(nil, [12]byte{9, 8, 7}, clientCreds, to, priority, nominate)
}

func TestCredentials(t *testing.T) {
	source := bytes.NewReader([]byte(strings.Repeat("\x00\x00\x00\x00\xff\xff\xff\xff\x00\x00\x00\x23", 30)))
	c := NewCredentials(source)
	if len(c.Ufrag) != 8 || len(c.Pwd) != 32 || strings.Trim(c.Ufrag+c.Pwd, alphabet) != "" || c.Ufrag[:3] != "03z" {
		t.Errorf("%+v", c)
	}
	if next := NewCredentials(source); next == c {
		t.Error("the same credentials twice")
	}
	defer func() {
		if recover() == nil {
			t.Error("credentials without randomness")
		}
	}()
	NewCredentials(strings.NewReader("short"))
}

func TestDeadlines(t *testing.T) {
	at := func(s float64) time.Time { return epoch.Add(time.Duration(s * float64(time.Second))) }
	a := NewAgent(epoch, serverCreds, clientCreds, Config{})
	expect := func(step string, deadline float64) {
		t.Helper()
		if got := a.Deadline(); !got.Equal(at(deadline)) {
			t.Errorf("%s: deadline after %v, want %vs", step, got.Sub(epoch), deadline)
		}
		if err := a.Expired(at(deadline - 0.001)); err != nil {
			t.Errorf("%s: expired early: %v", step, err)
		}
	}
	expect("new", 15)
	if err := a.Expired(at(15)); !errors.Is(err, ErrNoCheck) || !strings.Contains(err.Error(), "15s") {
		t.Errorf("without a check: %v", err)
	}
	if a.Authenticated(at(1), udp1) {
		t.Error("data moved the path without a check")
	}
	expect("data without a check", 15)
	a.Receive(at(14), udp1, request(serverCreds, 1, true))
	expect("checked", 44)
	a.Authenticated(at(20), udp1)
	expect("data", 50)
	a.Receive(at(21), tcp1, request(serverCreds, 1, true))
	expect("two nominated: the selected one may die first", 23)
	if !a.Tick(at(23)) || a.Pairs()[1].Selected != true {
		t.Error("silent path kept")
	}
	expect("moved", 51)
	a.Lost(tcp1)
	expect("connection lost", 51)
	if _, ok := a.Selected(); !ok {
		t.Error("the UDP pair was alive when anything was last heard")
	}
	a.Restart(at(45), serverAgain, clientCreds)
	expect("restart", 60)
	if err := a.Expired(at(60)); !errors.Is(err, ErrSilent) || !strings.Contains(err.Error(), "39s") {
		t.Errorf("silent: %v", err)
	}
}

func TestTimeoutSetting(t *testing.T) {
	a := NewAgent(epoch, serverCreds, clientCreds, Config{Timeout: 7 * time.Second, FirstCheck: time.Second})
	if got := a.Deadline(); !got.Equal(epoch.Add(time.Second)) {
		t.Errorf("first deadline %v", got)
	}
	a.Receive(epoch, udp1, request(serverCreds, 1, false))
	if got := a.Deadline(); !got.Equal(epoch.Add(7 * time.Second)) {
		t.Errorf("deadline %v", got)
	}
}

func TestRestart(t *testing.T) {
	a := NewAgent(epoch, serverCreds, clientCreds, Config{})
	third := Credentials{Ufrag: "server03", Pwd: "3333"}
	ufrags := func(want ...string) {
		t.Helper()
		if got := a.Ufrags(); !slices.Equal(got, want) {
			t.Errorf("ufrags %v, want %v", got, want)
		}
	}
	receive := func(p Path, to Credentials, nominate bool) Verdict {
		_, v := a.Receive(epoch, p, request(to, 5, nominate))
		return v
	}
	ufrags("server01")
	receive(udp1, serverCreds, true)
	a.Restart(epoch, serverAgain, Credentials{Ufrag: "new"})
	ufrags("server02", "server01")
	if v := receive(tcp1, serverAgain, false); !v.Verified || v.Moved || v.Restarted {
		t.Errorf("a check alone completes nothing: %+v", v)
	}
	ufrags("server02", "server01")
	if v := receive(udp1, serverCreds, true); !v.Verified || v.Restarted {
		t.Errorf("the old ufrag before the restart is complete: %+v", v)
	}
	a.Restart(epoch, third, Credentials{Ufrag: "newer"})
	ufrags("server03", "server01")
	if v := receive(tcp1, serverAgain, true); !errors.Is(v.Err, ErrUfrag) {
		t.Errorf("a ufrag given up half-way: %+v", v)
	}
	if v := receive(tcp1, third, true); v != (Verdict{Verified: true, Nominated: true, Moved: true, Restarted: true}) {
		t.Errorf("TCP nominated by the restart: %+v", v)
	}
	ufrags("server03")
	if v := receive(udp1, serverCreds, true); !errors.Is(v.Err, ErrUfrag) {
		t.Errorf("the old ufrag after the restart: %+v", v)
	}
	if a.Authenticated(epoch.Add(time.Second), udp1) {
		t.Error("a straggler on the old path moved it back")
	}
	if a.Remote().Ufrag != "newer" || a.current.local != third {
		t.Errorf("credentials %v %v", a.current.local, a.Remote())
	}
}

// TestRestartOverTheSamePath upgrades a pair by nomination, not by a mere check.
func TestRestartOverTheSamePath(t *testing.T) {
	a := NewAgent(epoch, serverCreds, clientCreds, Config{})
	a.Receive(epoch, udp1, request(serverCreds, 5, true))
	a.Restart(epoch, serverAgain, clientCreds)
	a.Receive(epoch, udp1, request(serverAgain, 5, false))
	_, v := a.Receive(epoch, tcp1, request(serverAgain, 5, true))
	if !v.Moved {
		t.Error("a checked UDP pair held up the TCP pair that the restart nominated")
	}
	if _, v = a.Receive(epoch, udp1, request(serverAgain, 5, true)); !v.Moved {
		t.Error("nominated by the restart too, UDP outranks TCP")
	}
}

// TestRestartIsNoHabit nominates by a restart what was nominated all along, while data comes over UDP.
func TestRestartIsNoHabit(t *testing.T) {
	a := NewAgent(epoch, serverCreds, clientCreds, Config{})
	a.Receive(epoch, udp1, request(serverCreds, 5, true))
	a.Receive(epoch, tcp1, request(serverCreds, 5, true))
	a.Authenticated(epoch.Add(time.Second), udp1)
	a.Restart(epoch.Add(time.Second), serverAgain, clientCreds)
	if _, v := a.Receive(epoch.Add(time.Second), tcp1, request(serverAgain, 5, true)); !v.Moved {
		t.Error("the restart did not move the path")
	}
}

// TestRestartFromASilentPath does not wait for the nomination where the old path has been silent for a second.
func TestRestartFromASilentPath(t *testing.T) {
	for _, silent := range []time.Duration{doubted - 1, doubted} {
		a := NewAgent(epoch, serverCreds, clientCreds, Config{})
		a.Receive(epoch, udp1, request(serverCreds, 5, true))
		a.Receive(epoch, tcp1, request(serverCreds, 5, false))
		if _, v := a.Receive(epoch.Add(silent), tcp1, request(serverCreds, 5, false)); v.Moved {
			t.Error("without a restart the path has only its usual time to be silent")
		}
		a.Restart(epoch.Add(silent), serverAgain, clientCreds)
		_, v := a.Receive(epoch.Add(silent), tcp1, request(serverAgain, 5, false))
		if v.Moved != (silent >= doubted) {
			t.Errorf("silent for %v: moved %v", silent, v.Moved)
		}
		if v.Restarted || len(a.Ufrags()) != 2 {
			t.Errorf("a check completed the restart: %v", a.Ufrags())
		}
	}
}

func TestEvict(t *testing.T) {
	a := NewAgent(epoch, serverCreds, clientCreds, Config{})
	check := func(tenth int, conn uint64, nominate bool) {
		a.Receive(epoch.Add(time.Duration(tenth)*time.Second/10), tcpPath(conn), request(serverCreds, 1, nominate))
	}
	for conn := uint64(1); conn <= 4; conn++ {
		check(int(conn), conn, conn != 2)
	}
	if p, ok := a.Evict(); ok {
		t.Fatalf("%v evicted out of four", p)
	}
	check(5, 5, false)
	if p, ok := a.Evict(); !ok || p != tcpPath(2) || a.Knows(p) {
		t.Errorf("%v %v evicted, want the oldest that was not nominated", p, ok)
	}
	check(6, 5, true) // all nominated; the selected one is the first
	check(7, 6, false)
	if p, ok := a.Evict(); !ok || p != tcpPath(3) {
		t.Errorf("%v %v evicted, want the one silent for longest", p, ok)
	}
	if p, ok := a.Evict(); ok {
		t.Errorf("%v evicted out of four", p)
	}
}

func TestPairsAreBounded(t *testing.T) {
	a := NewAgent(epoch, serverCreds, clientCreds, Config{})
	a.Receive(epoch, udp1, request(serverCreds, 9, true))
	for i := range uint16(1000) {
		now := epoch.Add(time.Duration(i) * time.Millisecond)
		a.Receive(now, udpPath(3000+i), request(serverCreds, 1, false))
		a.Receive(now, tcpPath(uint64(i)), request(serverCreds, 1, i%2 == 0))
	}
	if a.count(UDP) != maxUDP || a.count(TCP) != hardMaxTCP {
		t.Errorf("%d UDP and %d TCP pairs", a.count(UDP), a.count(TCP))
	}
	if p, ok := a.Selected(); !ok || p != udp1 {
		t.Errorf("the selected pair was dropped for %v", p)
	}
	if !a.Knows(udpPath(3999)) || a.Knows(udpPath(3000)) {
		t.Error("the newest must stay and the oldest go")
	}
}

// TestUnverifiedChangesNothing mixes authentic traffic with every kind of forgery: none of it may leave a trace.
func TestUnverifiedChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := NewAgent(epoch, serverCreds, clientCreds, Config{})
		now := epoch
		paths := []Path{udp1, udpPath(1002), tcp1, tcpPath(2), tcpPath(3)}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 4000).Draw(t, "ms")) * time.Millisecond)
			path := rapid.SampledFrom(paths).Draw(t, "path")
			good := request(rapid.SampledFrom([]Credentials{serverCreds, serverAgain}).Draw(t, "to"),
				rapid.Uint32().Draw(t, "priority"), rapid.Bool().Draw(t, "nominate"))
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0:
				a.Receive(now, path, good)
			case 1:
				a.Authenticated(now, path)
			case 2:
				a.Lost(path)
			case 3:
				if rapid.IntRange(0, 5).Draw(t, "restart") == 0 {
					a.Restart(now, serverAgain, clientCreds)
				}
			}
			before := snapshot(a)
			reply, v := a.Receive(now.Add(time.Second), path, forge(t, good))
			if reply != nil || v.Verified || v.Nominated || v.Moved || v.Restarted {
				t.Fatalf("a forged message got the reply %x and the verdict %+v", reply, v)
			}
			if after := snapshot(a); !reflect.DeepEqual(before, after) {
				t.Fatalf("a forged message changed\n%+v to\n%+v", before, after)
			}
		}
	})
}

// TestInvariants holds whatever a client does that has the password.
func TestInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := NewAgent(epoch, serverCreds, clientCreds, Config{})
		now, to := epoch, serverCreds
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 4000).Draw(t, "ms")) * time.Millisecond)
			path := udpPath(rapid.Uint16Range(1, 12).Draw(t, "port"))
			if rapid.Bool().Draw(t, "tcp") {
				path = tcpPath(rapid.Uint64Range(1, 12).Draw(t, "conn"))
			}
			before, had := a.Selected()
			moved := false
			switch rapid.IntRange(0, 7).Draw(t, "step") {
			case 0:
				moved = a.Authenticated(now, path)
			case 1:
				moved = a.Lost(path)
			case 2:
				moved = a.Tick(now)
			case 3:
				if rapid.IntRange(0, 9).Draw(t, "restart") == 0 {
					to = serverAgain
					a.Restart(now, to, clientCreds)
				}
			default:
				_, v := a.Receive(now, path, request(to, rapid.Uint32Range(1, 3).Draw(t, "priority"), rapid.Bool().Draw(t, "nominate")))
				moved = v.Moved
				if !v.Verified || !a.Knows(path) {
					t.Fatalf("a good check on %v: %+v", path, v)
				}
			}
			after, has := a.Selected()
			if moved != (has && (!had || before != after)) {
				t.Fatalf("from %v to %v, moved is %v", before, after, moved)
			}
			checkInvariants(t, a, now)
		}
	})
}

func checkInvariants(t *rapid.T, a *Agent, now time.Time) {
	for p, evicted := a.Evict(); evicted; p, evicted = a.Evict() {
		if a.Knows(p) {
			t.Fatalf("%v is evicted and still known", p)
		}
	}
	if a.count(UDP) > maxUDP || a.count(TCP) > maxTCP || len(a.Ufrags()) > 2 {
		t.Fatalf("%d UDP pairs, %d TCP pairs, ufrags %v", a.count(UDP), a.count(TCP), a.Ufrags())
	}
	if p, ok := a.Selected(); ok != slices.ContainsFunc(a.Pairs(), func(x Pair) bool { return x.Selected && x.Path == p }) {
		t.Fatalf("%v is selected, of %+v", p, a.Pairs())
	}
	a.Tick(now)
	if (a.Expired(now) == nil) != a.Deadline().After(now) {
		t.Fatalf("deadline %v at %v, expired: %v", a.Deadline(), now, a.Expired(now))
	}
}

func snapshot(a *Agent) any {
	return struct {
		Pairs    []Pair
		Ufrags   []string
		Deadline time.Time
	}{a.Pairs(), a.Ufrags(), a.Deadline()}
}

// forge makes a message that the server's password did not seal.
func forge(t *rapid.T, good []byte) []byte {
	switch rapid.IntRange(0, 3).Draw(t, "forgery") {
	case 0:
		return rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "noise")
	case 1:
		return request(Credentials{Ufrag: serverCreds.Ufrag, Pwd: rapid.StringN(0, 31, -1).Draw(t, "pwd")}, 1, true)
	case 2:
		return good[:rapid.IntRange(0, len(good)-1).Draw(t, "cut")]
	}
	// A flipped bit under a right FINGERPRINT: MESSAGE-INTEGRITY alone decides.
	body := len(good) - attrHeader - fingerprintSize
	forged := slices.Clone(good)
	bit := rapid.IntRange(0, 8*body-1).Draw(t, "bit")
	forged[bit/8] ^= 1 << (bit % 8)
	binary.BigEndian.PutUint32(forged[len(forged)-fingerprintSize:], crc32.ChecksumIEEE(forged[:body])^fingerprintXOR)
	return forged
}
