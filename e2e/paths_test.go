package e2e

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"oneport/bench"
)

// A client whose TCP connection is cut comes back on a new one, with no new offer and no new handshake, and its session
// goes on. Nobody else notices.
func TestTCPCut(t *testing.T) {
	t.Parallel()
	s := start(t, "SRS_VHOST_PLAY_RING_MAX_AGE=60000") // however long a busy machine takes to ask for what was lost
	for _, tc := range []struct {
		name  string
		reset bool
	}{{"fin", false}, {"rst", true}} {
		t.Run("viewer-"+tc.name, func(t *testing.T) {
			t.Parallel()
			cutViewer(t, s, "viewer-"+tc.name, tc.reset)
		})
		t.Run("publisher-"+tc.name, func(t *testing.T) {
			t.Parallel()
			cutPublisher(t, s, "publisher-"+tc.name, tc.reset)
		})
	}
}

// longGOP has no keyframe that nobody asked for.
var longGOP = bench.SourceOptions{KBPS: 2500, Keyframe: time.Minute}

func cutViewer(t *testing.T, s *server, stream string, reset bool) {
	publish(t, s, stream, bench.ClientOptions{}, longGOP)
	victim := play(t, s, stream, bench.ClientOptions{})
	other := play(t, s, stream, bench.ClientOptions{})
	for round := range 3 {
		victim.awaitMore(t, 200)
		other.awaitMore(t, 1)
		before := sessionAt(t, s, victim)
		if round == 2 { // the last time much is under way and swallowed
			victim.Stall(true)
			other.awaitMore(t, 100)
		}
		seen := len(victim.sightings())
		must(t, victim.Cut(reset))
		victim.Stall(false)
		if round > 0 { // the first time the client is back before the server has noticed
			eventually(t, joinLimit, "the server misses the path", func() bool { return clientOf(t, s, before).Transport == "" })
		}
		reconnect(t, victim.Client)
		victim.awaitMore(t, 200)
		if after := sessionAt(t, s, victim); after != before {
			t.Errorf("the session was %s and is %s", before, after)
		}
		checkResumed(t, victim.sightings(), seen)
		askAgain(t, victim)
	}
	victim.checkNumbers(t)
	other.checkNumbers(t)
	other.checkWhole(t)
}

// checkResumed demands that video went on at the place where it stopped, but for what the cut connection swallowed, or at
// a keyframe; and live.
func checkResumed(t testing.TB, all []sighting, cut int) {
	t.Helper()
	const lagLimit, tolerance = time.Second, time.Second / 2
	before, after := only(all[:cut], true), only(all[cut:], true)
	lost := after[0].stamp.Counter - before[len(before)-1].stamp.Counter - 1
	key := beginsKeyframe(after)
	if !key && lost > 300 {
		t.Errorf("%d packets are missing and no keyframe follows", lost)
	}
	if after[0].age > lagLimit+tolerance {
		t.Errorf("the first packet after the cut is %v old", after[0].age)
	}
	t.Logf("resumed with %d packets lost, key: %v, age %v", lost, key, after[0].age)
}

// askAgain sends NACKs for what the cut connection swallowed, and demands that all of it comes: in turns, for what is sent again in
// a second is bounded, and a client that a busy machine was slow to cut has lost more.
func askAgain(t testing.TB, v *viewer) {
	t.Helper()
	const turn, second = 100, 350 // packets
	for lost := v.lost(t); len(lost) > 0; {
		for ssrc, seqs := range lost {
			seqs = seqs[:min(len(seqs), turn)]
			nack, err := rtcp.Marshal([]rtcp.Packet{&rtcp.TransportLayerNack{
				SenderSSRC: 1, MediaSSRC: ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(seqs)}})
			must(t, err)
			must(t, v.SendRTCP(nack))
			t.Logf("asked for %d packets of %x again", len(seqs), ssrc)
			lost[ssrc] = seqs
		}
		eventually(t, joinLimit, "what was lost comes again", func() bool {
			still := v.lost(t)
			for ssrc, seqs := range lost {
				if slices.ContainsFunc(seqs, func(seq uint16) bool { return slices.Contains(still[ssrc], seq) }) {
					return false
				}
			}
			return true
		})
		if lost = v.lost(t); len(lost) > 0 {
			v.awaitMore(t, second)
		}
	}
}

func cutPublisher(t *testing.T, s *server, stream string, reset bool) {
	p := publish(t, s, stream, bench.ClientOptions{}, longGOP)
	v := play(t, s, stream, bench.ClientOptions{})
	for range 3 {
		v.awaitMore(t, 200)
		before, watching := s.client(stream, true), s.client(stream, false)
		must(t, p.Cut(reset))
		eventually(t, joinLimit, "the server misses the path", func() bool { return clientOf(t, s, before.ID).Transport == "" })
		reconnect(t, p.Client)
		v.awaitMore(t, 200)
		if after := s.client(stream, true); after.ID != before.ID || after.Transport != "tcp" {
			t.Errorf("the publisher's session was %s and is %s over %q", before.ID, after.ID, after.Transport)
		}
		if after := s.client(stream, false); after.ID != watching.ID {
			t.Errorf("the viewer's session was %s and is %s", watching.ID, after.ID)
		}
	}
	v.checkNumbers(t)
	if n := len(s.log.find("msg", "session started", "stream", "/live/"+stream)); n != 2 {
		t.Errorf("%d handshakes, want 2", n)
	}
}

// A client that has both paths moves from one to the other and back in mid-call. Nothing is lost on the way.
func TestMove(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := publish(t, s, "move", bench.ClientOptions{Net: "udp"}, longGOP)
	v := play(t, s, "move", bench.ClientOptions{Net: "udp"})
	v.awaitMore(t, 200)
	watching, publishing := s.client("move", false).ID, s.client("move", true).ID
	for _, network := range []string{"tcp", "udp", "tcp"} {
		for name, c := range map[string]*bench.Client{watching: v.Client, publishing: p.Client} {
			ctx, cancel := context.WithTimeout(context.Background(), joinLimit)
			must(t, c.Move(ctx, network))
			cancel()
			took := eventually(t, 3*joinLimit, "the server follows to "+network, func() bool { return clientOf(t, s, name).Transport == network })
			t.Logf("moved to %s in %v", network, took)
		}
		v.awaitMore(t, 200)
	}
	if st := v.Stats(); st.Gaps != 0 || st.Missing != 0 || st.Wrong != 0 {
		t.Errorf("of %d packets: %d gaps, %d missing, %d wrong", st.Packets, st.Gaps, st.Missing, st.Wrong)
	}
	v.checkNumbers(t)
	if n := len(s.log.find("msg", "session started")); n != 2 {
		t.Errorf("%d handshakes, want 2", n)
	}
}

// UDP dies without a word, and TCP takes over.
func TestUDPDies(t *testing.T) {
	t.Parallel()
	s := start(t)
	publish(t, s, "dies", bench.ClientOptions{}, longGOP)
	v := play(t, s, "dies", bench.ClientOptions{Net: "udp"})
	v.awaitMore(t, 200)
	id := s.client("dies", false).ID
	began := time.Now()
	must(t, v.Cut(false))
	ctx, cancel := context.WithTimeout(context.Background(), joinLimit)
	defer cancel()
	must(t, v.Move(ctx, "tcp"))
	seen := len(v.sightings()) // with what was being read when the connection was cut
	eventually(t, 3*joinLimit, "packets over TCP", func() bool { return len(v.sightings()) > seen+10 })
	t.Logf("media is back after %v", time.Since(began))
	if c := clientOf(t, s, id); c.Transport != "tcp" {
		t.Errorf("the session is on %q", c.Transport)
	}
	v.awaitMore(t, 200)
	v.checkNumbers(t)
}

func reconnect(t testing.TB, c *bench.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), joinLimit)
	defer cancel()
	must(t, c.Reconnect(ctx))
}
