package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/pion/stun/v3"

	"oneport/ice"
)

// transaction is the id of a STUN request (RFC 8489 §5).
type transaction = [12]byte

// checks are the connectivity checks of a client: what it asked, and who waits for the answer.
// At most 32 are remembered; an answer to a forgotten one is dropped.
type checks struct {
	local, remote ice.Credentials

	mu      sync.Mutex
	waiting map[transaction]chan<- error
}

const mostChecks = 32

func (c *checks) expect(id transaction, result chan<- error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) < mostChecks {
		c.waiting[id] = result
	}
}

func (c *checks) forget(result chan<- error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, r := range c.waiting {
		if r == result {
			delete(c.waiting, id)
		}
	}
}

// Priorities of our side as a peer-reflexive candidate (RFC 8445 §5.1.2); UDP before TCP (RFC 6544 §4.2).
const (
	priorityUDP = 110<<24 | 65535<<8 | 255
	priorityTCP = 90<<24 | 40959<<8 | 255
)

// request makes a Binding request for a path.
func (c *checks) request(network string, nominate bool) (transaction, []byte) {
	var id transaction
	_, _ = rand.Read(id[:]) // never fails
	priority := uint32(priorityUDP)
	if network == "tcp" {
		priority = priorityTCP
	}
	return id, ice.AppendRequest(nil, id, c.local, c.remote, priority, nominate)
}

// run sends requests with USE-CANDIDATE on a path until one is answered.
func (c *checks) run(ctx context.Context, p *path) error {
	result := make(chan error, mostChecks)
	defer c.forget(result)
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 500*time.Millisecond) {
		id, request := c.request(p.network, true)
		c.expect(id, result)
		if err := p.write(request); err != nil {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case err := <-result:
			timer.Stop()
			return err
		case <-p.done:
			timer.Stop()
			return fmt.Errorf("ice: connection lost: %w", p.err)
		case <-ctx.Done():
			timer.Stop()
			return errors.New("ice: no answer to the binding requests")
		case <-timer.C:
		}
	}
}

// receive answers the requests of a full agent, and hands responses to the check that waits for them.
func (c *checks) receive(p *path, b []byte) {
	const headerSize = 20
	if len(b) < headerSize {
		return
	}
	if b[0] == 0 && b[1] == 1 {
		c.answer(p, b)
		return
	}
	id := transaction(b[8:headerSize])
	c.mu.Lock()
	result := c.waiting[id]
	delete(c.waiting, id)
	c.mu.Unlock()
	if result == nil {
		return
	}
	select {
	case result <- ice.CheckResponse(b, id, c.remote.Pwd):
	default:
	}
}

// answer replies to a Binding request of the server's; one without our password's integrity gets nothing.
func (c *checks) answer(p *path, b []byte) {
	m := &stun.Message{Raw: append([]byte(nil), b...)}
	key := stun.NewShortTermIntegrity(c.local.Pwd)
	if m.Decode() != nil || key.Check(m) != nil {
		return
	}
	mapped := new(stun.XORMappedAddress)
	switch remote := p.conn.RemoteAddr().(type) {
	case *net.UDPAddr:
		mapped.IP, mapped.Port = remote.IP, remote.Port
	case *net.TCPAddr:
		mapped.IP, mapped.Port = remote.IP, remote.Port
	}
	reply, err := stun.Build(stun.NewTransactionIDSetter(m.TransactionID), stun.BindingSuccess, mapped, key, stun.Fingerprint)
	if err == nil {
		_ = p.write(reply.Raw)
	}
}
