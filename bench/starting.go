package bench

import (
	"context"
	"errors"
	"net"
	"net/url"
	"syscall"
	"time"
)

// startPatience is how long a server may take to listen that was started just before.
const startPatience = 3 * time.Second

// awaitServer waits while the server of a URL refuses connections, as one does that is starting. What else is wrong the first
// request tells better.
func awaitServer(ctx context.Context, to string) {
	u, err := url.Parse(to)
	if err != nil {
		return
	}
	port := u.Port()
	if port == "" {
		port = u.Scheme // the services of the same names have these ports
	}
	awaitListener(ctx, func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
		if err == nil {
			conn.Close()
		}
		return err
	})
}

// awaitListener calls dial until it is not refused any more, for startPatience at most.
func awaitListener(ctx context.Context, dial func(context.Context) error) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for errors.Is(dial(ctx), syscall.ECONNREFUSED) {
		select {
		case <-again.C:
		case <-ctx.Done():
			return
		}
	}
}
