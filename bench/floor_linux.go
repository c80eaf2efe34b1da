package bench

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
)

const udpSegment = 103 // UDP_SEGMENT of udp(7)

// gsoSocket is one socket that sends to every viewer; the kernel cuts a batch into datagrams (UDP GSO).
type gsoSocket struct {
	*net.UDPConn
	once sync.Once
}

// datagramOutlet is the way to a viewer over UDP.
type datagramOutlet struct {
	socket  *gsoSocket
	to      *net.UDPAddr
	control []byte
}

// newDatagrams returns what makes the ways to viewers, all from one socket.
func newDatagrams() func(address string) (outlet, error) {
	var socket *gsoSocket
	return func(address string) (outlet, error) {
		if socket == nil {
			conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				return nil, err
			}
			_ = conn.SetWriteBuffer(4 << 20) // as much as the system grants
			socket = &gsoSocket{UDPConn: conn}
		}
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return nil, fmt.Errorf("the address of a viewer: %w", err)
		}
		return &datagramOutlet{socket, net.UDPAddrFromAddrPort(to), make([]byte, syscall.CmsgSpace(2))}, nil
	}
}

func (o *datagramOutlet) send(batch []byte, packet int) error {
	// The kernel cuts at most 64 KB, and 64 datagrams, of one message.
	most := min(64, 65000/packet) * packet
	for len(batch) > 0 {
		n := min(most, len(batch))
		var control []byte
		if n > packet {
			control = o.segments(packet)
		}
		if _, _, err := o.socket.WriteMsgUDP(batch[:n], control, o.to); err != nil {
			return err
		}
		batch = batch[n:]
	}
	return nil
}

// segments makes the control message that tells the kernel where to cut.
func (o *datagramOutlet) segments(size int) []byte {
	const word = syscall.SizeofCmsghdr - 8 // cmsg_len is as wide as a pointer
	clear(o.control)
	if word == 8 {
		binary.NativeEndian.PutUint64(o.control, uint64(syscall.CmsgLen(2)))
	} else {
		binary.NativeEndian.PutUint32(o.control, uint32(syscall.CmsgLen(2)))
	}
	binary.NativeEndian.PutUint32(o.control[word:], solUDP)
	binary.NativeEndian.PutUint32(o.control[word+4:], udpSegment)
	binary.NativeEndian.PutUint16(o.control[syscall.CmsgLen(0):], uint16(size))
	return o.control
}

func (o *datagramOutlet) Close() error {
	var err error
	o.socket.once.Do(func() { err = o.socket.Close() })
	return err
}
