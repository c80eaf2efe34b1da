package bench

import (
	"fmt"
	"io"
	"net"
	"sync"
)

// sink is the process that reads what the floor sends: n connections over TCP, or n sockets of UDP. It writes the address
// to send to, a line for each, throws away what comes, and ends when its standard input does.
func sink(network string, n int, stdin io.Reader, stdout io.Writer) error {
	var err error
	if network == "udp" {
		err = sinkDatagrams(n, stdin, stdout)
	} else {
		err = sinkStreams(n, stdin, stdout)
	}
	if err != nil {
		return fmt.Errorf("floor: the reading process: %w", err)
	}
	return nil
}

func sinkStreams(n int, stdin io.Reader, stdout io.Writer) error {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, stdin) // whatever ends it
		listener.Close()
	}()
	var reading sync.WaitGroup
	for range n {
		fmt.Fprintln(stdout, listener.Addr())
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		reading.Go(func() {
			discard(conn)
			conn.Close()
		})
	}
	reading.Wait()
	<-ended
	return nil
}

func sinkDatagrams(n int, stdin io.Reader, stdout io.Writer) error {
	var reading sync.WaitGroup
	defer reading.Wait()
	for range n {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return err
		}
		defer conn.Close()
		group(conn)
		_ = conn.SetReadBuffer(1 << 20) // as much as the system grants
		reading.Go(func() { discard(conn) })
		fmt.Fprintln(stdout, conn.LocalAddr())
	}
	_, _ = io.Copy(io.Discard, stdin) // whatever ends it
	return nil
}

// discard reads until there is nothing more.
func discard(r io.Reader) {
	b := make([]byte, 64<<10)
	for {
		if _, err := r.Read(b); err != nil {
			return
		}
	}
}
