package bench

import (
	"encoding/binary"
	"net"
	"syscall"
)

const (
	solUDP = 17  // SOL_UDP
	udpGRO = 104 // UDP_GRO of udp(7)
)

// group lets the kernel hand over runs of datagrams as one, and says whether it will.
func group(conn net.Conn) bool {
	udp, ok := conn.(*net.UDPConn)
	if !ok {
		return false
	}
	raw, err := udp.SyscallConn()
	if err != nil {
		return false
	}
	refused := raw.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), solUDP, udpGRO, 1) })
	return refused == nil && err == nil
}

// receiveGroup reads datagrams that stand end to end in b; segment is the size of each but the last, 0 if there is only one.
func receiveGroup(fd int, b, control []byte) (n, segment int, err error) {
	n, size, _, _, err := syscall.Recvmsg(fd, b, control, 0)
	if err != nil {
		return 0, 0, err
	}
	return n, segmentSize(control[:size]), nil
}

// segmentSize finds UDP_GRO among control messages.
func segmentSize(control []byte) int {
	for len(control) >= syscall.SizeofCmsghdr {
		header := controlHeader(control)
		if header.length < syscall.SizeofCmsghdr || header.length > len(control) {
			return 0
		}
		if header.level == solUDP && header.kind == udpGRO && header.length >= syscall.CmsgLen(2) {
			return int(binary.NativeEndian.Uint16(control[syscall.CmsgLen(0):]))
		}
		control = control[min(syscall.CmsgSpace(header.length-syscall.SizeofCmsghdr), len(control)):]
	}
	return 0
}

type header struct{ length, level, kind int }

// controlHeader reads struct cmsghdr, whose first field is as wide as a pointer.
func controlHeader(b []byte) header {
	const word = syscall.SizeofCmsghdr - 8
	var h header
	if word == 8 {
		h.length = int(binary.NativeEndian.Uint64(b))
	} else {
		h.length = int(binary.NativeEndian.Uint32(b))
	}
	h.level, h.kind = int(int32(binary.NativeEndian.Uint32(b[word:]))), int(int32(binary.NativeEndian.Uint32(b[word+4:])))
	return h
}
