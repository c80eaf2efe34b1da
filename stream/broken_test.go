package stream

import (
	"testing"

	"oneport/media"
)

// A bridge to frames that breaks tells those who read of it, and no others: who comes then gets another bridge.
func TestFrameBridgeBreaks(t *testing.T) {
	b := newBridged(t, nil)
	b.publish()
	told := new(countingWaker)
	early, err := b.hub.SubscribeFrames(b.now, testName, told)
	if err != nil {
		t.Fatal(err)
	}
	b.turn()
	b.script(b.frame('K', 0), b.frame('P', 20))
	if kinds, _ := b.got(early); kinds != "KP" || early.Status().Broken {
		t.Fatalf("%s, broken: %v", kinds, early.Status().Broken)
	}
	told.n = 0
	b.bridge.Break()
	b.bridge.Close()
	if !early.Status().Broken || told.n == 0 {
		t.Errorf("told: %v, woken %d times", early.Status().Broken, told.n)
	}
	late := b.subscribe()
	if b.opened != 2 || late.Status().Broken {
		t.Errorf("%d bridges, the second broken: %v", b.opened, late.Status().Broken)
	}
	b.script(b.frame('K', 40))
	if kinds, _ := b.got(late); kinds != "K" || !early.Status().Broken {
		t.Errorf("who comes then gets %q", kinds)
	}
	early.Close()
	late.Close()
	b.pub.Close()
	b.bridge.Close()
	if n := len(b.hub.Streams()); n != 0 {
		t.Errorf("%d streams are left", n)
	}
}

// So does a bridge to packets.
func TestPacketBridgeBreaks(t *testing.T) {
	p := newPacketed(t)
	told := new(countingWaker)
	early, err := p.hub.Subscribe(p.now, testName, told)
	if err != nil {
		t.Fatal(err)
	}
	p.write("KP")
	p.convey()
	told.n = 0
	p.bridge.Break()
	if !early.Broken() || told.n == 0 {
		t.Errorf("told: %v, woken %d times", early.Broken(), told.n)
	}
	late := p.subscribe()
	if p.opened != 2 || late.Broken() {
		t.Errorf("%d bridges, the second broken: %v", p.opened, late.Broken())
	}
	p.write("K")
	if p.convey(); len(late.Next(p.now, nil, 100)) == 0 {
		t.Error("who comes then gets nothing")
	}
}

// What a packet or a frame is panicked over leaves no lock behind.
func TestPanicLeavesNoLock(t *testing.T) {
	p := newPacketed(t)
	reader := p.subscribe()
	for name, push := range map[string]func(){
		"a frame":              func() { p.pub.PushFrame(&media.Frame{Arrival: p.now}) },
		"a packet":             func() { p.pub.Push(&media.Packet{Arrival: p.now}) },
		"a packet of a bridge": func() { p.bridge.Turn(); p.bridge.Push([]*media.Packet{{Arrival: p.now}}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s without a format is no fault", name)
				}
			}()
			push()
		}()
		if !p.pub.stream.mu.TryLock() {
			t.Fatalf("%s leaves the lock behind", name)
		}
		p.pub.stream.mu.Unlock()
	}
	reader.Close()
}
