//go:build !linux

package bench

import "errors"

// newDatagrams is of Linux only: elsewhere no kernel cuts a batch into datagrams.
func newDatagrams() func(address string) (outlet, error) {
	return func(string) (outlet, error) {
		return nil, errors.New("-net udp: the floor of UDP can be measured on Linux only")
	}
}
