package rtc

import (
	"bytes"
	"testing"
	"time"

	"oneport/dtls"
	"oneport/media"
)

// resending is an outbound half that has sent packets, and what a stream keeps of them.
type resending struct {
	t    *testing.T
	o    *Outbound
	now  time.Time
	ring map[uint64]*media.Packet
	seq  uint64
}

func newResending(t *testing.T) *resending {
	s := viewer(t)
	s.Video.RTXSSRC = 0
	o, _ := sending(t, s, dtls.AEADAES128GCM, 0)
	return &resending{t: t, o: o, now: time.Unix(1_700_000_000, 0), ring: make(map[uint64]*media.Packet), seq: 1 << 16}
}

// send sends packets of a size, and returns what came of each.
func (r *resending) send(packets, size int) (sent [][]byte) {
	for range packets {
		r.seq++
		p := packet(&vp8Format, r.seq)
		p.Payload = append(p.Payload, make([]byte, size)...)
		r.ring[r.seq] = p
		sent = append(sent, r.o.Append(r.now, nil, []media.Item{{Packet: p}}))
	}
	return sent
}

func (r *resending) find(_ media.Kind, seq uint64) *media.Packet { return r.ring[seq] }

// last asks for the newest packets, the oldest of them first.
func (r *resending) last(n int) Nack {
	ask := Nack{SSRC: videoSSRC}
	for back := n - 1; back >= 0; back-- {
		ask.Seqs = append(ask.Seqs, uint16(r.o.senders[media.Video].highest)-uint16(back))
	}
	return ask
}

// again asks, and returns how many packets come of it.
func (r *resending) again(ask Nack) int { return len(frames(r.t, again(r.o, r.now, ask, r.find))) }

// A packet that is asked for again and again goes out once a round trip, or each 20 ms where that is shorter or unknown.
func TestResendPause(t *testing.T) {
	for _, test := range []struct{ rtt, want time.Duration }{
		{0, 20 * time.Millisecond}, {time.Millisecond, 20 * time.Millisecond},
		{150 * time.Millisecond, 150 * time.Millisecond}, {9 * time.Second, time.Second},
	} {
		r := newResending(t)
		r.send(10, 100)
		ask := r.last(1)
		ask.RTT = test.rtt
		var came []time.Duration
		for began := r.now; r.now.Sub(began) <= 2*test.want; r.now = r.now.Add(time.Millisecond) {
			if r.again(ask) > 0 {
				came = append(came, r.now.Sub(began))
			}
		}
		if len(came) != 3 || came[1] != test.want || came[2] != 2*test.want {
			t.Errorf("with a round trip of %v it is sent after %v", test.rtt, came)
		}
	}
}

// The queue keeps its order, gives as many as are wanted at once, takes nothing twice, and no more than it holds.
func TestResendQueue(t *testing.T) {
	r := newResending(t)
	sent := r.send(300, 10)
	r.o.Ask(r.now, r.last(100))
	if !r.o.Ask(r.now, r.last(300)) {
		t.Error("there is nothing to send")
	}
	if got := r.o.Stats.Withheld; got != 300-maxAsked {
		t.Errorf("%d of 300 found no room", got)
	}
	for n := 200; n < 300; n += 40 {
		b, count := r.o.Resend(r.now, nil, min(40, 300-n), r.find)
		if want := bytes.Join(sent[n:min(n+40, 300)], nil); !bytes.Equal(b, want) || count != min(40, 300-n) {
			t.Fatalf("%d packets, not those from %d on", count, n)
		}
	}
	b, count := r.o.Resend(r.now, nil, 1000, r.find)
	if want := bytes.Join(sent[:maxAsked-100], nil); !bytes.Equal(b, want) || count != maxAsked-100 {
		t.Errorf("then come %d", count)
	}
	if r.o.asked != nil || r.o.Ask(r.now, r.last(100)) {
		t.Error("what was just sent is taken up again")
	}
	if r.o.Ask(r.now, Nack{SSRC: audioSSRC, Seqs: []uint16{1}}) || r.o.Ask(r.now, Nack{SSRC: 99, Seqs: []uint16{1}}) {
		t.Error("what never was is taken up")
	}
}

// What is asked for before another publication begins is not sent after it has.
func TestResendOverRestart(t *testing.T) {
	for name, restart := range map[string]media.Item{
		"and is sent":    {Packet: packet(&vp8Format, 1<<16), Break: media.Restarted, First: 1 << 16},
		"and is refused": {Packet: packet(&media.Format{Codec: media.H265, ClockRate: 90000}, 1<<16), Break: media.Restarted, First: 1 << 16},
	} {
		r := newResending(t)
		r.send(20, 10)
		r.o.Ask(r.now, r.last(20))
		r.o.Append(r.now, nil, []media.Item{restart})
		if b, n := r.o.Resend(r.now, nil, 100, r.find); len(b) != 0 || n != 0 {
			t.Errorf("%s: %d packets are sent under numbers of the old publication", name, n)
		}
	}
}

// In each second as many bytes are sent again as half of those that were first sent in it and in the one before, and 64 KB.
func TestResendBudget(t *testing.T) {
	const size = 1000
	for _, test := range []struct {
		name       string
		first, now int // packets of the second before, and of the present one
		idle       time.Duration
		want       int // bytes, less what packets are longer than their payloads
	}{
		{"a thin stream", 0, 50, 0, budgetFloor + 25*size},
		{"the first second", 0, 600, 0, budgetFloor + 300*size},
		{"a steady stream", 600, 600, 0, budgetFloor + 600*size},
		{"after a long time", 600, 600, 9 * time.Second, budgetFloor + 330*size},
	} {
		r := newResending(t)
		r.send(test.first, size)
		if test.first > 0 {
			r.now = r.now.Add(time.Second + test.idle)
			r.again(r.last(1))
		}
		r.send(test.now, size)
		r.now = r.now.Add(time.Second / 2)
		before := r.o.Stats
		for range 10 { // within this second
			r.again(r.last(maxAsked))
			r.now = r.now.Add(minResendPause)
		}
		got := int(r.o.Stats.Bytes - before.Bytes)
		if got < test.want*98/100 || got > test.want*106/100+1500 {
			t.Errorf("%s: %d bytes are sent again, want %d", test.name, got, test.want)
		}
		if r.o.Stats.Withheld == before.Withheld {
			t.Errorf("%s: nothing is counted", test.name)
		}
		r.now = r.now.Add(time.Second)
		if r.again(r.last(1)) != 1 {
			t.Errorf("%s: nothing comes a second later", test.name)
		}
	}
}

// A viewer that never loses a packet has no memory for it.
func TestResendCostsNothingUnused(t *testing.T) {
	r := newResending(t)
	r.send(100, 10)
	if s := r.o.senders[media.Video]; s.recent != nil || r.o.asked != nil {
		t.Error("there is memory for packets that nobody asked for")
	}
}
