package server

import (
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// tellMore asks the kernel to say of each datagram which of the machine's addresses it was sent to, because an answer has to
// come from that very address, and when it arrived, because a publisher estimates its bandwidth by that and a busy server
// reads later.
func tellMore(fd int, inet6 bool) error {
	// Arrival times are a refinement: a kernel without them leaves us our own.
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	if inet6 {
		return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
}

// maxWait is how long a datagram may have waited in the socket for its time to be believed: the machine's clock may have
// been set in between.
const maxWait = time.Second

// read takes in what the control messages tell. It allocates nothing: it runs once a datagram.
func (r *received) read(oob []byte) {
	for len(oob) >= unix.SizeofCmsghdr {
		header, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			return
		}
		switch {
		case header.Level == unix.IPPROTO_IPV6 && header.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			r.to = netip.AddrFrom16([16]byte(data[:16])).Unmap()
		case header.Level == unix.IPPROTO_IP && header.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
			r.to = netip.AddrFrom4([4]byte(data[8:12]))
		case header.Level == unix.SOL_SOCKET && header.Type == unix.SCM_TIMESTAMPNS && len(data) >= int(unsafe.Sizeof(unix.Timespec{})):
			stamp := (*unix.Timespec)(unsafe.Pointer(&data[0]))
			if waited := r.at.Sub(time.Unix(stamp.Unix())); waited > 0 && waited < maxWait {
				r.at = r.at.Add(-waited)
			}
		}
		oob = rest
	}
}

// appendControl appends one control message with its padding; dst has room for it.
func appendControl(dst []byte, level, kind int32, data []byte) []byte {
	at := len(dst)
	dst = dst[:at+unix.CmsgSpace(len(data))]
	header := (*unix.Cmsghdr)(unsafe.Pointer(&dst[at]))
	header.Level, header.Type = level, kind
	header.SetLen(unix.CmsgLen(len(data)))
	copy(dst[at+unix.CmsgLen(0):], data)
	return dst
}
