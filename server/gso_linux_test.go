package server

import (
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"oneport/ice"
)

// sizedFrames are frames of these sizes, the first byte of each its number.
func sizedFrames(sizes []int) (frames []byte) {
	for i, n := range sizes {
		b := make([]byte, n)
		b[0] = byte(i)
		frames = ice.AppendFrame(frames, b)
	}
	return frames
}

// udpPair is a socket of ours and a client that it sends to.
func udpPair(t *testing.T) (d *datagrams, client *net.UDPConn, to netip.AddrPort) {
	t.Helper()
	_, d = socketAt(t, "127.0.0.1:0")
	client, _ = socketAt(t, "127.0.0.1:0")
	client.SetReadBuffer(1 << 20)
	return d, client, addrPort(client.LocalAddr())
}

// arrive demands the datagrams of these numbers and sizes, in their order.
func arrive(t *testing.T, client *net.UDPConn, numbers, sizes []int) {
	t.Helper()
	client.SetReadDeadline(time.Now().Add(patience))
	for _, i := range numbers {
		b := make([]byte, 2000)
		if n, err := client.Read(b); err != nil || n != sizes[i] || b[0] != byte(i) {
			t.Fatalf("datagram %d of %d bytes: %d bytes, number %d: %v", i, sizes[i], n, b[0], err)
		}
	}
}

// A run that the kernel cuts is of equal datagrams but for a shorter last one, of 64 at most, of 60 KB at most, and of none that
// is larger than any Ethernet carries; whatever comes, it is all sent in its order.
func TestSegmentLimits(t *testing.T) {
	for name, test := range map[string]struct {
		sizes []int
		runs  []int // datagrams of each message of the first call
	}{
		"64 small ones":         {slices.Repeat([]int{10}, 64), []int{64}},
		"65 small ones":         {slices.Repeat([]int{10}, 65), []int{64}},
		"60 KB":                 {slices.Repeat([]int{1440}, 60), []int{42, 18}},
		"just not 60 KB":        {append(slices.Repeat([]int{1452}, 42), 500, 1452), []int{42, 1, 1}},
		"the largest":           {[]int{1452, 1452, 1453, 1453, 1453}, []int{2, 1, 1, 1}},
		"shorter at the end":    {[]int{900, 900, 300, 900, 900}, []int{3, 2}},
		"longer at the end":     {[]int{900, 901, 901}, []int{1, 2}},
		"shorter and then less": {[]int{900, 300, 300, 200, 200}, []int{2, 2, 1}},
		"one":                   {[]int{1200}, []int{1}},
	} {
		b := new(block)
		b.address(netip.MustParseAddrPort("127.0.0.1:9"), false)
		rest, messages, count := b.fill(sizedFrames(test.sizes), true)
		var runs []int
		for _, m := range b.messages[:messages] {
			runs = append(runs, int(m.Iovlen))
		}
		if !slices.Equal(runs, test.runs) || count != min(len(test.sizes), maxDatagrams) {
			t.Errorf("%s: %d datagrams in %v, want %v", name, count, runs, test.runs)
		}
		if left, _, more := b.fill(rest, true); len(left) > 0 || count+more != len(test.sizes) {
			t.Errorf("%s: then %d are taken", name, more)
		}
		if _, messages, count := b.fill(sizedFrames(test.sizes), false); messages != count {
			t.Errorf("%s: without GSO there are %d messages of %d datagrams", name, messages, count)
		}
	}
}

// refusing is a kernel that refuses to cut runs.
type refusing struct {
	with    unix.Errno
	refused int // calls that begin with a run
}

func (k *refusing) sendmmsg(fd uintptr, messages []mmsghdr) (int, unix.Errno) {
	if i := slices.IndexFunc(messages, func(m mmsghdr) bool { return m.Iovlen > 1 }); i == 0 {
		k.refused++
		return 0, k.with
	} else if i > 0 {
		messages = messages[:i]
	}
	return sendmmsg(fd, messages)
}

// Where the kernel refuses to cut runs, their datagrams go one by one: none is lost and none comes twice. A device that can't
// (EIO) is not asked again; a path that is too narrow (EINVAL) may be this client's alone.
func TestUDPWithoutGSO(t *testing.T) {
	for errno, asked := range map[unix.Errno]int{unix.EIO: 1, unix.EINVAL: 3} {
		d, client, to := udpPair(t)
		k := &refusing{with: errno}
		d.sendmmsg = k.sendmmsg
		sizes := []int{700, 800, 900, 900, 900, 300, 1200, 1200, 10}
		for range 3 {
			if lost := d.send(sizedFrames(sizes), netip.Addr{}, to); lost != 0 {
				t.Errorf("%v: %d are lost", errno, lost)
			}
			arrive(t, client, []int{0, 1, 2, 3, 4, 5, 6, 7, 8}, sizes)
		}
		if k.refused != asked || d.plain.Load() != (errno == unix.EIO) {
			t.Errorf("%v: refused %d times, given up: %v", errno, k.refused, d.plain.Load())
		}
	}
}

// What a full socket does not take is counted, not waited for and not tried again; what it took has gone.
func TestFullUDPSocket(t *testing.T) {
	d, client, to := udpPair(t)
	calls := 0
	d.sendmmsg = func(fd uintptr, messages []mmsghdr) (int, unix.Errno) {
		if calls++; calls > 1 {
			return 0, unix.EAGAIN
		}
		return sendmmsg(fd, messages[:2])
	}
	sizes := []int{500, 600, 600, 700, 700, 700, 800}
	if lost := d.send(sizedFrames(sizes), netip.Addr{}, to); lost != 4 || calls != 2 {
		t.Errorf("%d are lost, in %d calls", lost, calls)
	}
	arrive(t, client, []int{0, 1, 2}, sizes)
	if d.plain.Load() {
		t.Error("no run is tried any more")
	}
}

// So it is where the datagrams of a run go one by one.
func TestFullUDPSocketWithoutGSO(t *testing.T) {
	d, client, to := udpPair(t)
	calls := 0
	d.sendmmsg = func(fd uintptr, messages []mmsghdr) (int, unix.Errno) {
		switch calls++; calls {
		case 1:
			return 0, unix.EINVAL
		case 2:
			return sendmmsg(fd, messages[:2])
		}
		return 0, unix.EAGAIN
	}
	sizes := []int{700, 700, 700, 700, 100}
	if lost := d.send(sizedFrames(sizes), netip.Addr{}, to); lost != 3 || calls != 3 {
		t.Errorf("%d are lost, in %d calls", lost, calls)
	}
	arrive(t, client, []int{0, 1}, sizes)
}

// An interrupted call is made again.
func TestInterruptedWrite(t *testing.T) {
	d, client, to := udpPair(t)
	calls := 0
	d.sendmmsg = func(fd uintptr, messages []mmsghdr) (int, unix.Errno) {
		if calls++; calls == 1 {
			return 0, unix.EINTR
		}
		return sendmmsg(fd, messages)
	}
	sizes := []int{500, 600}
	if lost := d.send(sizedFrames(sizes), netip.Addr{}, to); lost != 0 {
		t.Errorf("%d are lost", lost)
	}
	arrive(t, client, []int{0, 1}, sizes)
}

// Writers do not wait for each other at the socket that they share: one is inside the kernel until another has sent.
func TestWritersShareTheSocket(t *testing.T) {
	d, client, to := udpPair(t)
	var entered atomic.Bool
	within, sent := make(chan struct{}), make(chan struct{})
	d.sendmmsg = func(fd uintptr, messages []mmsghdr) (int, unix.Errno) {
		if !entered.Swap(true) {
			close(within)
			<-sent
		}
		return sendmmsg(fd, messages)
	}
	slow := make(chan int)
	go func() { slow <- d.send(sizedFrames([]int{100}), netip.Addr{}, to) }()
	<-within
	go func() {
		d.send(sizedFrames([]int{200}), netip.Addr{}, to)
		close(sent)
	}()
	select {
	case <-sent:
	case <-time.After(patience):
		t.Fatal("a writer waits for another one")
	}
	if lost := <-slow; lost != 0 {
		t.Errorf("%d are lost", lost)
	}
	client.SetReadDeadline(time.Now().Add(patience))
	for _, want := range []int{200, 100} {
		if n, err := client.Read(make([]byte, 2000)); err != nil || n != want {
			t.Errorf("%d bytes, want %d: %v", n, want, err)
		}
	}
}

// Nothing is sent by a socket that is closed, and that is counted.
func TestClosedSocket(t *testing.T) {
	d, _, to := udpPair(t)
	d.conn.Close()
	if lost := d.send(sizedFrames([]int{100, 100, 300}), netip.Addr{}, to); lost != 3 {
		t.Errorf("%d are lost", lost)
	}
}
