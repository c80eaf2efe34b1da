package server

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"oneport/ice"
)

const (
	// maxDatagrams is how many datagrams one call to the kernel takes: more than a batch of a writer holds.
	maxDatagrams = 64
	// maxSegments and maxSegmented bound one run of equal datagrams that the kernel cuts itself (UDP_SEGMENT, GSO).
	maxSegments  = 64
	maxSegmented = 60 << 10
	// maxSegment is the longest datagram sent in a run: with IPv6 and UDP headers it fits any Ethernet path.
	maxSegment = 1452
	// largestDatagram is how much of a datagram is received: the kernel cuts off the rest, and one that long is refused.
	largestDatagram = ice.MaxFrame + 1
)

// datagrams sends what belongs to one viewer in one system call: runs of equal datagrams as one message that the kernel
// cuts (UDP GSO), the others each as one of a sendmmsg.
type datagrams struct {
	conn  *net.UDPConn
	raw   syscall.RawConn
	inet6 bool        // the socket's family
	plain atomic.Bool // the kernel or the device refused GSO: never again
	pool  sync.Pool   // of *message block

	sendmmsg func(fd uintptr, messages []mmsghdr) (sent int, errno unix.Errno) // the system call, which tests replace
}

// mmsghdr is struct mmsghdr of sendmmsg(2).
type mmsghdr struct {
	unix.Msghdr
	sent uint32
	_    [4]byte
}

// block is the memory of one call. It may hold less than its arrays do.
type block struct {
	messages [maxDatagrams]mmsghdr
	vectors  [maxDatagrams]unix.Iovec
	control  [maxDatagrams][maxControl]byte
	source   int                   // bytes of the source address at the beginning of each control
	name     unix.RawSockaddrInet6 // large enough for either family
	nameLen  uint32
}

// maxControl holds the control messages of one message: a source address (IPV6_PKTINFO) and a segment size (UDP_SEGMENT),
// each with its header and padding.
const maxControl = 40 + 24

func newDatagrams(conn *net.UDPConn) (*datagrams, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	d := &datagrams{conn: conn, raw: raw, pool: sync.Pool{New: func() any { return new(block) }}, sendmmsg: sendmmsg}
	controlErr := raw.Control(func(fd uintptr) {
		name, nameErr := unix.Getsockname(int(fd))
		_, d.inet6 = name.(*unix.SockaddrInet6)
		err = errors.Join(nameErr, tellMore(int(fd), d.inet6))
	})
	if controlErr != nil {
		return nil, controlErr
	}
	return d, err
}

// receive reads one datagram.
func (d *datagrams) receive(b, oob []byte) (got received, err error) {
	n, oobn, _, from, err := d.conn.ReadMsgUDPAddrPort(b, oob)
	if err != nil {
		return received{}, err
	}
	got = received{n: n, from: from, at: time.Now()}
	got.read(oob[:oobn])
	return got, nil
}

// send sends the datagrams inside frames and returns how many the kernel did not take. It never waits. Where the kernel
// refuses to cut a run, its datagrams are sent one by one: this once if it is for their size, which may be this client's
// path alone, and from now on if the device can't.
func (d *datagrams) send(frames []byte, from netip.Addr, to netip.AddrPort) (lost int) {
	b := d.pool.Get().(*block)
	defer d.pool.Put(b)
	b.address(to, d.inet6)
	b.from(from, d.inet6)
	for len(frames) > 0 {
		var messages, count int
		frames, messages, count = b.fill(frames, !d.plain.Load())
		sent, err := d.write(b, messages)
		if sent < messages && messages < count && (err == unix.EIO || err == unix.EINVAL) {
			d.plain.CompareAndSwap(false, err == unix.EIO)
			sent, _ = d.again(b, sent, count)
			lost += count - sent
			continue
		}
		for _, m := range b.messages[sent:messages] {
			lost += int(m.Iovlen)
		}
	}
	return lost
}

// write hands messages to the kernel, as far as it takes them: a full socket (EAGAIN) is an error like others. So nothing is ever
// waited for, and the descriptor is borrowed by Control; Write would hold a lock by which the writers take turns.
func (d *datagrams) write(b *block, messages int) (sent int, err error) {
	controlErr := d.raw.Control(func(fd uintptr) {
		for sent < messages {
			n, errno := d.sendmmsg(fd, b.messages[sent:messages])
			switch {
			case errno == unix.EINTR:
			case errno != 0:
				err = errno
				return
			default:
				sent += n
			}
		}
	})
	if controlErr != nil {
		return sent, controlErr
	}
	return sent, err
}

// sendmmsg is sendmmsg(2), which never waits.
func sendmmsg(fd uintptr, messages []mmsghdr) (sent int, errno unix.Errno) {
	n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&messages[0])), uintptr(len(messages)), unix.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}

// again sends what is left of a block without GSO: every vector as a message of its own.
func (d *datagrams) again(b *block, done, count int) (sent int, err error) {
	first := 0
	for _, m := range b.messages[:done] {
		first += int(m.Iovlen)
	}
	for i := first; i < count; i++ {
		b.message(i-first, i, 1)
	}
	n, err := d.write(b, count-first)
	return first + n, err
}

// fill takes as many datagrams out of frames as fit the block, and joins equal ones where gso allows.
func (b *block) fill(frames []byte, gso bool) (rest []byte, messages, count int) {
	begin := 0 // of the run, in vectors
	finish := func() {
		if count > begin {
			b.message(messages, begin, count-begin)
			messages++
			begin = count
		}
	}
	size, total := 0, 0 // of the run
	for len(frames) > 0 && count < maxDatagrams {
		n := int(binary.BigEndian.Uint16(frames))
		datagram := frames[2 : 2+n]
		frames = frames[2+n:]
		fits := gso && count > begin && n <= size && size <= maxSegment && total+n <= maxSegmented && count-begin < maxSegments
		if !fits {
			finish()
			size, total = n, 0
		}
		b.vectors[count] = unix.Iovec{Base: &datagram[0]}
		b.vectors[count].SetLen(n)
		count++
		total += n
		if n < size { // only the last of a run may be shorter
			finish()
			size = 0
		}
	}
	finish()
	return frames, messages, count
}

// message makes vectors[first:first+n] message i, cut by the kernel where there are several.
func (b *block) message(i, first, n int) {
	m := &b.messages[i]
	m.Msghdr = unix.Msghdr{Name: (*byte)(unsafe.Pointer(&b.name)), Namelen: b.nameLen, Iov: &b.vectors[first]}
	m.SetIovlen(n)
	c := b.control[i][:b.source]
	if i > 0 {
		copy(c, b.control[0][:b.source])
	}
	if n > 1 {
		var size [2]byte
		binary.NativeEndian.PutUint16(size[:], uint16(b.vectors[first].Len))
		c = appendControl(c, unix.IPPROTO_UDP, unix.UDP_SEGMENT, size[:])
	}
	if len(c) > 0 {
		m.Control = &c[0]
		m.SetControllen(len(c))
	}
}

// from puts the address to send from at the beginning of the first message's control, whence the others copy it.
func (b *block) from(addr netip.Addr, inet6 bool) {
	c := b.control[0][:0]
	switch {
	case !addr.IsValid() || addr.IsUnspecified():
	case inet6: // an IPv4 address in its mapped form serves as well
		info := unix.Inet6Pktinfo{Addr: addr.As16()}
		c = appendControl(c, unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, (*[unix.SizeofInet6Pktinfo]byte)(unsafe.Pointer(&info))[:])
	default:
		info := unix.Inet4Pktinfo{Spec_dst: addr.As4()}
		c = appendControl(c, unix.IPPROTO_IP, unix.IP_PKTINFO, (*[unix.SizeofInet4Pktinfo]byte)(unsafe.Pointer(&info))[:])
	}
	b.source = len(c)
}

// address writes the destination in the socket's family.
func (b *block) address(to netip.AddrPort, inet6 bool) {
	port := (*[2]byte)(unsafe.Pointer(&b.name.Port)) // network byte order, at the same place in both families
	binary.BigEndian.PutUint16(port[:], to.Port())
	if inet6 {
		b.name.Family, b.name.Addr = unix.AF_INET6, to.Addr().As16()
		b.nameLen = unix.SizeofSockaddrInet6
		return
	}
	v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(&b.name))
	v4.Family, v4.Addr = unix.AF_INET, to.Addr().As4()
	b.nameLen = unix.SizeofSockaddrInet4
}
