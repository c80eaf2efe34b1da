package ice

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v3"
)

// The test vectors of RFC 5769 sections 2.1 to 2.3.
const (
	vectorPwd     = "VOkJxbRl1RmTxUk/WvJxBt"
	vectorRequest = "000100582112a442b7e7a701bc34d686fa87dfae" +
		"802200105354554e207465737420636c69656e74" + "002400046e0001ff" + "80290008932ff9b151263b36" +
		"000600096576746a3a68367659202020" + "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2" + "80280004e57a3bcf"
	vectorReply4 = "0101003c2112a442b7e7a701bc34d686fa87dfae" +
		"8022000b7465737420766563746f7220" + "002000080001a147e112a643" +
		"000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7" + "80280004c07d4c96"
	vectorReply6 = "010100482112a442b7e7a701bc34d686fa87dfae" +
		"8022000b7465737420766563746f7220" + "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9" +
		"00080014a382954e4be67bf11784c97c8292c275bfe3ed41" + "80280004c8fb0b4c"
)

func vector(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRFC5769Request(t *testing.T) {
	msg := vector(t, vectorRequest)
	if ufrag, ok := LocalUfrag(msg); !ok || ufrag != "evtj" {
		t.Fatalf("LocalUfrag = %q, %v", ufrag, ok)
	}
	local := Credentials{Ufrag: "evtj", Pwd: vectorPwd}
	path := Path{Remote: netip.MustParseAddrPort("192.0.2.1:32853")}

	a := NewAgent(epoch, local, Credentials{}, Config{})
	reply, v := a.Receive(epoch, path, msg)
	if !v.Verified || v.Nominated || v.Err != nil || reply == nil {
		t.Fatalf("a lenient agent says %+v", v)
	}
	if got := a.Pairs()[0].Priority; got != 0x6e0001ff {
		t.Errorf("priority %#x", got)
	}

	strict := NewAgent(epoch, local, Credentials{}, Config{Strict: true})
	reply, v = strict.Receive(epoch, path, msg)
	if v.Verified || !errors.Is(v.Err, ErrRole) || strict.Knows(path) {
		t.Fatalf("a strict agent says %+v to a controlled client", v)
	}
	err := CheckResponse(reply, [12]byte(msg[txOffset:headerSize]), vectorPwd)
	if err == nil || !strings.Contains(err.Error(), "487") {
		t.Errorf("reply to a controlled client: %v", err)
	}
}

func TestRFC5769Responses(t *testing.T) {
	for name, text := range map[string]string{"IPv4": vectorReply4, "IPv6": vectorReply6} {
		msg := vector(t, text)
		tx := [12]byte(msg[txOffset:headerSize])
		if err := CheckResponse(msg, tx, vectorPwd); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := CheckResponse(msg, tx, "wrong"); !errors.Is(err, ErrIntegrity) {
			t.Errorf("%s with a wrong password: %v", name, err)
		}
		if err := CheckResponse(msg, [12]byte{}, vectorPwd); err == nil {
			t.Errorf("%s passes as the response to another request", name)
		}
		want := "192.0.2.1:32853"
		if name == "IPv6" {
			want = "[2001:db8:1234:5678:11:2233:4455:6677]:32853"
		}
		value := appendXORAddress(nil, netip.MustParseAddrPort(want), tx[:])
		if !strings.Contains(string(msg), string(value)) {
			t.Errorf("%s: XOR-MAPPED-ADDRESS of %s is %x", name, want, value)
		}
	}
}

// TestPionUnderstands has another implementation make the request and read the reply.
func TestPionUnderstands(t *testing.T) {
	for _, remote := range []string{"192.0.2.7:4000", "[2001:db8::7]:65535", "[::ffff:192.0.2.7]:1"} {
		addr := netip.MustParseAddrPort(remote)
		a := NewAgent(epoch, serverCreds, clientCreds, Config{})
		request := stun.MustBuild(stun.TransactionID, stun.BindingRequest,
			stun.NewUsername(serverCreds.Ufrag+":"+clientCreds.Ufrag),
			stun.RawAttribute{Type: stun.AttrUseCandidate},
			stun.RawAttribute{Type: stun.AttrICEControlling, Value: make([]byte, 8)},
			stun.RawAttribute{Type: stun.AttrPriority, Value: []byte{110, 0, 0, 1}},
			stun.NewShortTermIntegrity(serverCreds.Pwd), stun.Fingerprint)

		raw, v := a.Receive(epoch, Path{Remote: addr}, request.Raw)
		if v != (Verdict{Verified: true, Nominated: true, Moved: true}) {
			t.Fatalf("%s: %+v", remote, v)
		}
		reply := &stun.Message{Raw: raw}
		if err := reply.Decode(); err != nil {
			t.Fatal(err)
		}
		var mapped stun.XORMappedAddress
		if err := mapped.GetFrom(reply); err != nil {
			t.Fatal(err)
		}
		if got, _ := netip.AddrFromSlice(mapped.IP); got.Unmap() != addr.Addr().Unmap() || mapped.Port != int(addr.Port()) {
			t.Errorf("%s is told its address is %v", remote, mapped)
		}
		if err := stun.NewShortTermIntegrity(serverCreds.Pwd).Check(reply); err != nil {
			t.Error(err)
		}
		if err := stun.Fingerprint.Check(reply); err != nil {
			t.Error(err)
		}
		if reply.Type != stun.BindingSuccess || reply.TransactionID != request.TransactionID {
			t.Errorf("reply is %v", reply)
		}
	}
}

// TestPionReadsRequest has another implementation read what the client side writes.
func TestPionReadsRequest(t *testing.T) {
	raw := AppendRequest([]byte("before"), [12]byte{1, 2, 3}, clientCreds, serverCreds, 77, true)
	if string(raw[:6]) != "before" {
		t.Fatal("what was there before is gone")
	}
	m := &stun.Message{Raw: raw[6:]}
	if err := m.Decode(); err != nil {
		t.Fatal(err)
	}
	if err := m.Check(stun.NewShortTermIntegrity(serverCreds.Pwd), stun.Fingerprint); err != nil {
		t.Error(err)
	}
	if !m.Contains(stun.AttrUseCandidate) || !m.Contains(stun.AttrICEControlling) || !m.Contains(stun.AttrPriority) {
		t.Errorf("incomplete request %v", m)
	}
	if name, _ := m.Get(stun.AttrUsername); string(name) != serverCreds.Ufrag+":"+clientCreds.Ufrag {
		t.Errorf("username %q", name)
	}
}

func TestUnknownAttribute(t *testing.T) {
	a := NewAgent(epoch, serverCreds, clientCreds, Config{})
	request := stun.MustBuild(stun.TransactionID, stun.BindingRequest,
		stun.NewUsername(serverCreds.Ufrag+":x"),
		stun.RawAttribute{Type: 0x0031, Value: []byte{1}},
		stun.RawAttribute{Type: 0xC057, Value: []byte{1, 2, 3, 4}}, // Chromium's network cost may be ignored
		stun.NewShortTermIntegrity(serverCreds.Pwd), stun.Fingerprint)
	raw, v := a.Receive(epoch, udp1, request.Raw)
	if v.Verified || !errors.Is(v.Err, ErrUnsupported) || a.Knows(udp1) {
		t.Fatalf("%+v", v)
	}
	reply := &stun.Message{Raw: raw}
	if err := reply.Decode(); err != nil {
		t.Fatal(err)
	}
	var code stun.ErrorCodeAttribute
	var unknown stun.UnknownAttributes
	if err := errors.Join(code.GetFrom(reply), unknown.GetFrom(reply)); err != nil {
		t.Fatal(err)
	}
	if code.Code != stun.CodeUnknownAttribute || len(unknown) != 1 || unknown[0] != 0x0031 {
		t.Errorf("reply says %v %v", code, unknown)
	}
}

// TestAttributesBehindIntegrity proves that nothing unprotected counts.
func TestAttributesBehindIntegrity(t *testing.T) {
	a := NewAgent(epoch, serverCreds, clientCreds, Config{})
	b := newBuilder(nil, bindingRequest, make([]byte, 12))
	b.attribute(attrUsername, []byte(serverCreds.Ufrag+":x"))
	k := newKey(serverCreds.Pwd)
	b.attribute(attrIntegrity, k.sign(b.out))
	b.attribute(attrUseCandidate, nil)
	b.attribute(attrPriority, []byte{1, 2, 3, 4})
	if _, v := a.Receive(epoch, udp1, b.out); v != (Verdict{Verified: true, Moved: true}) {
		t.Errorf("%+v", v)
	}
	if p := a.Pairs()[0]; p.Priority != 0 || p.nominated() {
		t.Errorf("unprotected attributes were believed: %+v", p)
	}
}

func TestBadMessages(t *testing.T) {
	good := request(serverCreds, 1, true)
	changed := func(at int, to byte) []byte {
		b := append([]byte(nil), good...)
		b[at] = to
		return b
	}
	build := func(kind uint16, pwd string, fill func(*builder)) []byte {
		b := newBuilder(nil, kind, make([]byte, 12))
		fill(b)
		k := newKey(pwd)
		return b.finish(&k)
	}
	name := func(b *builder) { b.attribute(attrUsername, []byte(serverCreds.Ufrag+":x")) }
	for _, test := range []struct {
		name string
		msg  []byte
		want error
	}{
		{"nothing", nil, ErrMalformed},
		{"header cut", good[:19], ErrMalformed},
		{"message cut", good[:len(good)-4], ErrMalformed},
		{"byte too many", append(append([]byte(nil), good...), 0), ErrMalformed},
		{"not the cookie", changed(4, 0), ErrMalformed},
		{"length not of 4", changed(3, good[3]+1), ErrMalformed},
		{"attribute longer than the message", changed(headerSize+3, 255), ErrMalformed},
		{"fingerprint", changed(len(good)-1, good[len(good)-1]^1), ErrFingerprint},
		{"fingerprint not last", behindFingerprint(), ErrMalformed},
		{"wrong password", request(Credentials{serverCreds.Ufrag, "wrong"}, 1, true), ErrIntegrity},
		{"wrong ufrag", request(Credentials{"other", serverCreds.Pwd}, 1, true), ErrUfrag},
		{"no username", build(bindingRequest, serverCreds.Pwd, func(*builder) {}), ErrUfrag},
		{"no colon", build(bindingRequest, serverCreds.Pwd, func(b *builder) { b.attribute(attrUsername, []byte(serverCreds.Ufrag)) }), ErrUfrag},
		{"no integrity", func() []byte { b := newBuilder(nil, bindingRequest, make([]byte, 12)); name(b); return b.out }(), ErrIntegrity},
		{"integrity of 16 bytes", build(bindingRequest, serverCreds.Pwd, func(b *builder) { name(b); b.attribute(attrIntegrity, make([]byte, 16)) }), ErrMalformed},
		{"priority of 3 bytes", build(bindingRequest, serverCreds.Pwd, func(b *builder) { name(b); b.attribute(attrPriority, make([]byte, 3)) }), ErrMalformed},
		{"a response", build(bindingSuccess, serverCreds.Pwd, name), ErrUnexpected},
		{"another method", build(0x0003, serverCreds.Pwd, name), ErrUnexpected},
	} {
		a := NewAgent(epoch, serverCreds, clientCreds, Config{})
		reply, v := a.Receive(epoch.Add(time.Second), udp1, test.msg)
		if reply != nil || !errors.Is(v.Err, test.want) || v.Verified || v.Moved {
			t.Errorf("%s: reply %x, verdict %+v, want %v", test.name, reply, v, test.want)
		}
		if len(a.Pairs()) != 0 || !a.Deadline().Equal(epoch.Add(15*time.Second)) {
			t.Errorf("%s left a trace: %+v", test.name, a)
		}
	}
}

// behindFingerprint is a sealed message with one more attribute, whose FINGERPRINT takes that one's length into account.
func behindFingerprint() []byte {
	b := newBuilder(nil, bindingRequest, make([]byte, 12))
	b.setLength(attrHeader + fingerprintSize + attrHeader)
	sum := crc32.ChecksumIEEE(b.out) ^ fingerprintXOR
	b.attribute(attrFingerprint, binary.BigEndian.AppendUint32(nil, sum))
	b.attribute(attrUseCandidate, nil)
	return b.out
}

func TestIndication(t *testing.T) {
	a := NewAgent(epoch, serverCreds, clientCreds, Config{})
	indication := func(pwd string) []byte {
		b := newBuilder(nil, bindingIndication, make([]byte, 12))
		b.attribute(attrUsername, []byte(serverCreds.Ufrag+":x"))
		k := newKey(pwd)
		return b.finish(&k)
	}
	if reply, v := a.Receive(epoch, udp1, indication(serverCreds.Pwd)); reply != nil || v != (Verdict{}) || a.Knows(udp1) {
		t.Fatalf("an indication made a pair: %+v", v)
	}
	a.Receive(epoch, udp1, request(serverCreds, 1, true))
	a.Receive(epoch.Add(time.Second), udp1, indication("wrong"))
	if got := a.Pairs()[0].LastSeen; !got.Equal(epoch) {
		t.Errorf("a forged indication refreshed the pair")
	}
	a.Receive(epoch.Add(time.Second), udp1, indication(serverCreds.Pwd))
	if got := a.Pairs()[0].LastSeen; !got.Equal(epoch.Add(time.Second)) {
		t.Errorf("an authentic indication did not refresh the pair")
	}
}

func TestForgeryCostsNoMemory(t *testing.T) {
	a := NewAgent(epoch, serverCreds, clientCreds, Config{})
	forged := request(Credentials{serverCreds.Ufrag, "wrong"}, 1, true)
	a.Receive(epoch, udp1, forged)
	if n := testing.AllocsPerRun(100, func() { a.Receive(epoch, udp1, forged) }); n != 0 {
		t.Errorf("%v allocations for a forged check", n)
	}
}

func BenchmarkCheck(b *testing.B) {
	a := NewAgent(epoch, serverCreds, clientCreds, Config{})
	msg := request(serverCreds, 1, true)
	b.ReportAllocs()
	for b.Loop() {
		a.Receive(epoch, udp1, msg)
	}
}

func FuzzReceive(f *testing.F) {
	f.Add(request(serverCreds, 1, true))
	f.Add(vector(f, vectorRequest))
	f.Add(vector(f, vectorReply6))
	f.Add([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42})
	f.Fuzz(func(t *testing.T, msg []byte) {
		a := NewAgent(epoch, serverCreds, clientCreds, Config{})
		_, v := a.Receive(epoch, udp1, msg)
		if v.Verified != a.Knows(udp1) {
			t.Errorf("verdict %+v, known %v", v, a.Knows(udp1))
		}
		if ufrag, ok := LocalUfrag(msg); v.Verified && (!ok || ufrag != serverCreds.Ufrag) {
			t.Errorf("verified, but routed by %q", ufrag)
		}
		CheckResponse(msg, [12]byte{}, serverCreds.Pwd)
	})
}

func FuzzLocalUfrag(f *testing.F) {
	f.Add(request(serverCreds, 1, true))
	f.Add(vector(f, vectorRequest))
	f.Fuzz(func(t *testing.T, msg []byte) {
		ufrag, ok := LocalUfrag(msg)
		if ok && (len(ufrag) == 0 || len(ufrag) >= maxUsername || !IsSTUN(msg)) {
			t.Errorf("ufrag %q of %x", ufrag, msg)
		}
	})
}
