package ice

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
)

// AppendRequest appends the Binding request of a controlling client (RFC 8445 section 7.2): its own credentials are the
// local ones, the server's the remote ones.
func AppendRequest(dst []byte, txID [12]byte, local, remote Credentials, priority uint32, nominate bool) []byte {
	b := newBuilder(dst, bindingRequest, txID[:])
	b.attribute(attrUsername, []byte(remote.Ufrag+":"+local.Ufrag))
	b.attribute(attrPriority, binary.BigEndian.AppendUint32(nil, priority))
	b.attribute(attrControlling, tieBreaker(local))
	if nominate {
		b.attribute(attrUseCandidate, nil)
	}
	k := newKey(remote.Pwd)
	return b.finish(&k)
}

// tieBreaker gives the same number for all requests of a session, as ICE-CONTROLLING must.
func tieBreaker(c Credentials) []byte {
	h := fnv.New64a()
	h.Write([]byte(c.Ufrag + c.Pwd))
	return h.Sum(nil)
}

// CheckResponse says what is wrong with the answer to a request: not this transaction's, not sealed with the server's
// password, or an error of the server's. It is nil for a success.
func CheckResponse(msg []byte, txID [12]byte, pwd string) error {
	m, err := parse(msg)
	if err != nil {
		return err
	}
	if m.kind != bindingSuccess && m.kind != bindingError || !bytes.Equal(m.transaction(), txID[:]) {
		return errors.New("ice: not the response to this request")
	}
	k := newKey(pwd)
	if !k.verifies(&m) {
		return ErrIntegrity
	}
	if m.kind == bindingSuccess {
		return nil
	}
	if len(m.errorCode) < 4 {
		return fmt.Errorf("ice: error response without a code: %w", ErrMalformed)
	}
	return fmt.Errorf("ice: server answers %d%02d %q", m.errorCode[2]&7, m.errorCode[3], m.errorCode[4:])
}
