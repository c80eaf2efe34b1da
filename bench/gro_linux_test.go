package bench

import (
	"bytes"
	"net"
	"testing"
)

// A run that one message carried is taken apart into its datagrams again, each with its own bytes; a single one stays whole.
func TestGroups(t *testing.T) {
	for _, gro := range []bool{true, false} {
		receiver, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		defer receiver.Close()
		way, err := newDatagrams()(receiver.LocalAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer way.Close()
		var batch, got []byte
		for i := range 11 {
			batch = append(batch, bytes.Repeat([]byte{byte(i + 1)}, 1000)...)
		}
		batch = batch[:len(batch)-300] // the last may be shorter
		if err := way.send(batch, 1000); err != nil {
			t.Fatal(err)
		}
		if err := way.send([]byte("alone"), 5); err != nil {
			t.Fatal(err)
		}
		p := &path{network: "udp", client: &Client{shared: &shared{}}}
		p.client.shared.buffers.New = func() any { b := make([]byte, bufferSize); return &b }
		poll, err := newPoller(receiver, gro, p.take)
		if err != nil {
			t.Fatal(err)
		}
		if poll.groups != gro {
			t.Errorf("groups %v, want %v", poll.groups, gro)
		}
		var sizes []int
		for len(sizes) < 12 {
			if err := poll.wait(); err != nil {
				t.Fatal(err)
			}
			begin := 0
			for _, end := range p.ends {
				sizes = append(sizes, end-begin)
				got = append(got, (*p.buf)[begin:end]...)
				begin = end
			}
		}
		if !bytes.Equal(got, append(batch, "alone"...)) || sizes[0] != 1000 || sizes[10] != 700 || sizes[11] != 5 {
			t.Errorf("gro %v: datagrams of %v", gro, sizes)
		}
	}
}

func FuzzSegmentSize(f *testing.F) {
	o := &datagramOutlet{control: make([]byte, 24)}
	good := bytes.Clone(o.segments(1200))
	f.Add(good)
	good[12] = udpGRO
	f.Add(good)
	f.Add([]byte{16, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 0, udpGRO, 0, 0, 0})
	f.Fuzz(func(t *testing.T, control []byte) {
		if n := segmentSize(control); n < 0 || n > 65535 {
			t.Errorf("segments of %d", n)
		}
	})
}
