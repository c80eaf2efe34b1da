package bench

import (
	"bytes"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
	"pgregory.net/rapid"

	"oneport/media"
)

var answerText = strings.ReplaceAll(`v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
a=ice-lite
a=group:BUNDLE 0 1
a=fingerprint:SHA-256 ab:cd
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=ice-ufrag:uuuu
a=ice-pwd:pppp
a=setup:passive
a=mid:0
a=rtpmap:111 OPUS/48000/2
a=ssrc:5 cname:x
a=candidate:1 1 UDP 100 10.0.0.1 8080 typ host generation 0
a=candidate:2 1 TCP 50 10.0.0.1 8080 typ host tcptype passive
a=candidate:2 1 tcp 60 media.example 443 typ host tcptype passive
a=candidate:3 1 tcp 70 10.0.0.9 9 typ host tcptype active
a=candidate:4 2 udp 100 10.0.0.1 8081 typ host
a=candidate:5 1 udp 100 10.0.0.1 0 typ host
a=candidate:6 1 udp
m=video 9 UDP/TLS/RTP/SAVPF 96 102
a=mid:1
a=extmap:3/sendonly urn:ietf:params:rtp-hdrext:sdes:mid
a=extmap:4 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=rtpmap:96 VP8/90000
a=rtpmap:102 H264/90000
a=ssrc:7 cname:x
a=ssrc:7 msid:x y
a=candidate:1 1 UDP 100 10.0.0.1 8080 typ host generation 0
`, "\n", "\r\n")

func TestParseAnswer(t *testing.T) {
	a, err := parseAnswer([]byte(answerText))
	if err != nil {
		t.Fatal(err)
	}
	if a.ufrag != "uuuu" || a.pwd != "pppp" || a.hash != "sha-256" || a.fingerprint != "AB:CD" || a.active {
		t.Errorf("transport: %+v", a)
	}
	if a.audio.pt != 111 || a.video.pt != 102 || a.video.mid != "1" || a.video.midID != 3 || a.video.twcID != 4 {
		t.Errorf("tracks: %+v %+v", a.audio, a.video)
	}
	if len(a.video.ssrcs) != 1 || a.video.ssrcs[0] != 7 {
		t.Errorf("video SSRCs %v", a.video.ssrcs)
	}
	for without, want := range map[string]string{
		"a=ice-pwd": "ice-pwd", "a=fingerprint": "fingerprint", "a=rtpmap": "neither H264 nor Opus", "v=0": "answer: ",
	} {
		_, err := parseAnswer([]byte(strings.ReplaceAll(answerText, without, "a=x")))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("without %s: %v", without, err)
		}
	}
}

func TestDialable(t *testing.T) {
	a, err := parseAnswer([]byte(answerText))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ network, host, want string }{
		{"tcp", "media.example", "[tcp media.example:443 tcp 10.0.0.1:8080]"},
		{"tcp", "10.0.0.1", "[tcp 10.0.0.1:8080 tcp media.example:443]"},
		{"udp", "", "[udp 10.0.0.1:8080]"},
	} {
		found, err := a.dialable(test.network, test.host)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range found {
			got = append(got, c.String())
		}
		if text := "[" + strings.Join(got, " ") + "]"; text != test.want {
			t.Errorf("%s for %s: %s, want %s", test.network, test.host, text, test.want)
		}
	}
	a.candidates = a.candidates[:1]
	if _, err := a.dialable("tcp", ""); err == nil || !strings.Contains(err.Error(), "no tcp candidate") {
		t.Errorf("without TCP: %v", err)
	}
}

func FuzzParseAnswer(f *testing.F) {
	f.Add([]byte(offer{role: Publish, ufrag: "u", pwd: "p", fingerprint: "AA"}.String()))
	f.Add([]byte(answerText))
	f.Add([]byte("v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 X 1\r\na=candidate:1 1 tcp 1 h 1 typ host tcptype\r\na=extmap:/ x\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := parseAnswer(b)
		if err == nil && (a.ufrag == "" || a.fingerprint == "" || a.audio.pt|a.video.pt == 0) {
			t.Errorf("accepted %+v", a)
		}
	})
}

// Our own offers can be read as answers, so their lines are what parseAnswer looks for.
func TestOffer(t *testing.T) {
	o := offer{role: Publish, id: 1, ufrag: "u", pwd: "p", fingerprint: "AA", audio: 3, video: 4}
	a, err := parseAnswer([]byte(o.String()))
	if err != nil {
		t.Fatal(err)
	}
	if a.audio.ssrcs[0] != 3 || a.video.ssrcs[0] != 4 || a.video.twcID != 2 || a.audio.twcID != 2 || a.video.midID != 1 {
		t.Errorf("%+v", a)
	}
	o.role = Play
	if text := o.String(); strings.Contains(text, "ssrc") || strings.Contains(text, "transport-cc") || strings.Count(text, "a=recvonly") != 2 {
		t.Errorf("play offer:\n%s", text)
	}
}

func TestStamp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Stamp{
			Run:     rapid.Uint32().Draw(t, "run"),
			Counter: rapid.Uint64Range(0, 1<<42-1).Draw(t, "counter"),
			Sent:    rapid.Int64Range(0, 1<<62).Draw(t, "sent"),
		}
		b := want.append([]byte{nalSlice})
		if bytes.Contains(b, []byte{0}) {
			t.Fatalf("a zero in %x", b)
		}
		b = append(b, want.fill(rapid.IntRange(0, 1100).Draw(t, "fill"))...)
		got, err := ReadStamp(true, b)
		if err != nil || got != want {
			t.Fatalf("%+v, %v; want %+v", got, err, want)
		}
		if len(b) > 1+stampSize {
			b[1+stampSize+rapid.IntRange(0, len(b)-stampSize-2).Draw(t, "altered")] ^= 1
			if _, err := ReadStamp(true, b); err == nil {
				t.Fatal("an altered payload passes")
			}
		}
	})
}

func FuzzReadStamp(f *testing.F) {
	f.Add(true, appendParameters(nil, Stamp{}))
	f.Add(false, Stamp{}.append([]byte(opusTOC)))
	f.Add(true, []byte{nalFU})
	f.Fuzz(func(t *testing.T, video bool, b []byte) { _, _ = ReadStamp(video, b) })
}

func TestStampLatency(t *testing.T) {
	at := time.Now()
	if got := (Stamp{Sent: stampTime(at)}).Latency(at.Add(3 * time.Millisecond)); got != 3*time.Millisecond {
		t.Errorf("latency %v", got)
	}
}

// frames makes n frames, the first a keyframe, and returns the packets as RTP.
func frames(t *testing.T, s *source, n int) []rtp.Packet {
	t.Helper()
	var all []rtp.Packet
	for i := range n {
		for left := s.begin(i == 0); left > 0; {
			made := s.next(3, uint32(i*3600), time.Now())
			left -= len(made)
			for _, b := range made {
				var p rtp.Packet
				if err := p.Unmarshal(append([]byte(nil), b...)); err != nil {
					t.Fatal(err)
				}
				all = append(all, p)
			}
		}
	}
	return all
}

func TestSource(t *testing.T) {
	a := &answer{video: track{pt: 102, mid: "1", midID: 1, twcID: 2}, audio: track{pt: 111, mid: "0", midID: 1, twcID: 2}}
	for _, kbps := range []int{1, 100, 500, 2500, 20000} {
		s := newSource(SourceOptions{KBPS: kbps, Run: 9}.withDefaults(), a, [2]uint32{1, 2})
		packets := frames(t, s, 60)
		size, bits, starts, keys := 0, 0, 0, 0
		for i, p := range packets {
			if len(p.Payload) > payloadSize+12 {
				t.Fatalf("%d kbit/s: payload of %d bytes", kbps, len(p.Payload))
			}
			bits += len(p.Payload) * 8
			size++
			if p.PayloadType != 102 || p.SSRC != 2 || p.SequenceNumber != packets[0].SequenceNumber+uint16(i) {
				t.Fatalf("header %+v", p.Header)
			}
			if twc := p.GetExtension(2); len(twc) != 2 || int(twc[0])<<8|int(twc[1]) != i {
				t.Fatalf("transport-wide number %x of packet %d", twc, i)
			}
			if mid := string(p.GetExtension(1)); (mid == "1") != (i < 100) {
				t.Fatalf("mid %q on packet %d", mid, i)
			}
			start, key := media.Inspect(media.H264, p.Payload)
			if first := i == 0 || packets[i-1].Marker; first != start && !(i == 1 && start) {
				t.Fatalf("packet %d: start %v, want %v", i, start, first)
			}
			if start {
				starts++
			}
			if key {
				keys++
			}
			if st, err := ReadStamp(true, p.Payload); err != nil || st.Counter != uint64(i) || st.Run != 9 {
				t.Fatalf("stamp %+v, %v", st, err)
			}
		}
		if !packets[len(packets)-1].Marker {
			t.Error("the last packet has no marker")
		}
		if keys == 0 || starts < 60 {
			t.Errorf("%d keyframe packets, %d starts", keys, starts)
		}
		if got := float64(bits) / 60 * 25 / 1000; kbps >= 100 && (got < 0.95*float64(kbps) || got > 1.05*float64(kbps)) {
			t.Errorf("%d kbit/s: %.0f came out", kbps, got)
		}
	}
}

func TestSound(t *testing.T) {
	a := &answer{audio: track{pt: 111}}
	s := newSource(SourceOptions{}.withDefaults(), a, [2]uint32{1, 2})
	for i := range 3 {
		var p rtp.Packet
		if err := p.Unmarshal(s.sound(uint32(i*960), time.Now())[0]); err != nil {
			t.Fatal(err)
		}
		st, err := ReadStamp(false, p.Payload)
		if err != nil || st.Counter != uint64(i) || len(p.Payload) != audioSize || p.Marker != (i == 0) || p.Extension {
			t.Errorf("packet %d: %+v %+v %v", i, p.Header, st, err)
		}
	}
	if got := s.audio.timestamp(1500 * time.Millisecond); got != 72000 {
		t.Errorf("timestamp %d", got)
	}
}

func TestTally(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		name       string
		seqs       []uint16
		gaps, late uint64
	}{
		{"in order", []uint16{1, 2, 3}, 0, 0},
		{"wrap", []uint16{65534, 65535, 0, 1}, 0, 0},
		{"gap over the wrap", []uint16{65534, 2}, 3, 0},
		{"reordered", []uint16{1, 3, 2, 4}, 0, 1},
		{"repeated", []uint16{1, 2, 2, 3}, 0, 1},
		{"late before the first", []uint16{5, 4, 6}, 0, 1},
	} {
		var y tally
		for _, seq := range test.seqs {
			y.add(1, seq, 100, true, now)
		}
		if y.Gaps != test.gaps || y.Late != test.late || y.Packets != uint64(len(test.seqs)) || y.Bytes != 100*y.Packets {
			t.Errorf("%s: %d gaps, %d late, %d packets", test.name, y.Gaps, y.Late, y.Packets)
		}
	}
	var y tally
	for ssrc := range uint32(100) {
		y.add(ssrc, 1, 100, true, now)
	}
	if len(y.flows) != mostFlows || y.Packets != 100 {
		t.Errorf("%d flows, %d packets", len(y.flows), y.Packets)
	}
}

func TestTallyStallAndReports(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(int64(1000 + ms)) }
	var y tally
	y.add(1, 65535, 100, true, at(0))
	y.add(2, 1, 100, false, at(0)) // a probe: its silence means nothing
	y.add(1, 0, 100, true, at(40))
	y.add(1, 3, 100, true, at(140))
	if s := y.snapshot(at(150)); s.Stall != 100*time.Millisecond {
		t.Errorf("stall %v", s.Stall)
	}
	if s := y.snapshot(at(400)); s.Stall != 260*time.Millisecond {
		t.Errorf("stall with the silence at the end %v", s.Stall)
	}
	y.flow(1).sr.ntp, y.flow(1).sr.at = 77, at(400)
	r := y.reports(at(900))
	if len(r) != 1 || r[0].TotalLost != 2 || r[0].FractionLost != 2*256/5 || r[0].LastSequenceNumber != 65536+3 || r[0].Delay != 32768 || r[0].LastSenderReport != 77 {
		t.Errorf("report %+v", r)
	}
	if r = y.reports(at(900)); r[0].FractionLost != 0 || r[0].TotalLost != 2 {
		t.Errorf("second report %+v", r)
	}
	y.reset(at(1000))
	if s := y.snapshot(at(1010)); s.Packets != 0 || s.Stall != 10*time.Millisecond {
		t.Errorf("after reset %d packets, stall %v", s.Packets, s.Stall)
	}
}

func TestVerifier(t *testing.T) {
	at := time.Now()
	payload := func(run uint32, counter uint64) []byte {
		return Stamp{Run: run, Counter: counter, Sent: stampTime(at)}.append([]byte(opusTOC))
	}
	for _, test := range []struct {
		name           string
		run            uint32
		payloads       [][]byte
		wrong, missing uint64
		checked        uint64
	}{
		{"all there", 1, [][]byte{payload(1, 5), payload(1, 6)}, 0, 0, 2},
		{"two missing", 1, [][]byte{payload(1, 5), payload(1, 8)}, 0, 2, 2},
		{"late", 1, [][]byte{payload(1, 5), payload(1, 7), payload(1, 6), payload(1, 8)}, 0, 0, 4},
		{"another stream", 1, [][]byte{payload(2, 5)}, 1, 0, 1},
		{"any stream, replaced", 0, [][]byte{payload(2, 5), payload(3, 100)}, 0, 0, 2},
		{"foreign", 0, [][]byte{[]byte("what ever this is"), payload(3, 100)}, 0, 0, 0},
		{"not ours", 1, [][]byte{[]byte("what ever this is")}, 1, 0, 1},
	} {
		v := verifier{run: test.run}
		var s Stats
		for _, p := range test.payloads {
			v.check(&s, false, p, at)
		}
		if s.Wrong != test.wrong || s.Missing != test.missing || s.Checked != test.checked {
			t.Errorf("%s: %d wrong, %d missing of %d", test.name, s.Wrong, s.Missing, s.Checked)
		}
	}
}

func TestHistogram(t *testing.T) {
	var h, other histogram
	var all []time.Duration
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 10000 {
		d := time.Duration(r.ExpFloat64() * float64(5*time.Millisecond))
		all = append(all, d)
		if i%2 == 0 {
			h.add(d)
		} else {
			other.add(d)
		}
	}
	h.merge(&other)
	sorted := sortedCopy(all)
	for _, p := range []float64{0, 1, 50, 95, 99, 99.9, 100} {
		want, got := percentile(sorted, p), h.percentile(p)
		if got < want-time.Microsecond || got > want+want/32+2*time.Microsecond {
			t.Errorf("p%v: %v, want %v", p, got, want)
		}
	}
	for i, v := range []uint64{0, 1, 31, 32, 63, 64, 65, 1000, 1 << 20, 3_600_000_000} {
		if b := bucket(v); upper(b) < v || b > 0 && upper(b-1) >= v {
			t.Errorf("%d: %d is not in bucket %d, up to %d", i, v, b, upper(b))
		}
	}
	var edge histogram
	edge.add(-1)
	edge.add(100 * time.Hour)
	if edge.percentile(50) != 0 || edge.percentile(100) != time.Hour {
		t.Errorf("%v, %v", edge.percentile(50), edge.percentile(100))
	}
}

func TestPercentile(t *testing.T) {
	values := []time.Duration{1, 2, 3, 4}
	for _, test := range []struct {
		p    float64
		want time.Duration
	}{{0, 1}, {25, 1}, {26, 2}, {50, 2}, {75, 3}, {99, 4}, {100, 4}} {
		if got := percentile(values, test.p); got != test.want {
			t.Errorf("p%v of 1..4 is %d, want %d", test.p, got, test.want)
		}
	}
	if percentile(nil, 50) != 0 {
		t.Error("of nothing")
	}
}

func TestFingerprint(t *testing.T) {
	for hash, want := range map[string]string{
		"sha-1": "DA:39:A3:EE:", "sha-256": "E3:B0:C4:42:", "sha-384": "38:B0:60:A7:", "sha-512": "CF:83:E1:35:",
	} {
		if got, err := fingerprintOf(hash, nil); err != nil || !strings.HasPrefix(got, want) {
			t.Errorf("%s of nothing: %s, %v", hash, got, err)
		}
	}
	if _, err := fingerprintOf("md5", nil); err == nil {
		t.Error("md5 was hashed")
	}
}

func TestProcess(t *testing.T) {
	stat := "12 (a b) c)) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20"
	if got, err := parseStat([]byte(stat)); err != nil || got != (cpu{2.5, 0.5}) {
		t.Errorf("%v s, %v; want 2.5 and 0.5", got, err)
	}
	if got, err := parseStatus([]byte("Name:\tx\nVmRSS:\t  2048 kB\nVmX: 1 kB\n")); err != nil || got != 2048 {
		t.Errorf("%v KB, %v", got, err)
	}
	for _, bad := range []string{"", ")", "1 (x) S 1 2", strings.Replace(stat, "250", "x", 1)} {
		if _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
	if _, err := parseStatus([]byte("VmRSS:")); err == nil {
		t.Error("an empty VmRSS was read")
	}
	if _, err := openProcess(1 << 30); err == nil || !strings.Contains(err.Error(), "-pid") {
		t.Errorf("no such process: %v", err)
	}
	if _, err := openProcess(os.Getpid()); err != nil {
		t.Error(err)
	}
}
