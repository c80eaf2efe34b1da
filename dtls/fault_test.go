package dtls

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
)

// A panic of the handshake's goroutine ends that association, which tells it with its stack, and leaves no goroutine.
func TestFaultEndsOneAssociation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := ends(t)
		server.hs.config.Certificate = nil
		client.Start()
		synctest.Wait()
		for _, b := range client.Outgoing() {
			server.Receive(b)
		}
		server.Wait()
		expectState(t, "server", server, Failed)
		var f *Fault
		if !errors.As(server.Err(), &f) || !strings.Contains(string(f.Stack), "(*handshake).conn") {
			t.Errorf("the error is %v", server.Err())
		}
		client.Destroy()
		client.Wait()
	})
}
