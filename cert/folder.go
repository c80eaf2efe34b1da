package cert

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// accountKey is the file of an account's key. No name is like it: those end with ".pem".
const accountKey = "account.key"

// openFolder makes the folder for a directory's certificates, sees that it can be written, and reads the account's key or
// makes it. Each directory has its own: what comes from one for trials must not pass for the other's.
func openFolder(cache, directory string) (folder string, key crypto.Signer, err error) {
	_, place, _ := strings.Cut(directory, "://")
	place = strings.Map(func(r rune) rune {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789.-", r) {
			return r
		}
		return '-'
	}, strings.ToLower(place))
	folder = filepath.Join(cache, strings.Trim(place, ".-"))
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(cache)), 0o755); err != nil {
		return "", nil, err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", nil, err
	}
	probe, err := os.CreateTemp(folder, "probe")
	if err != nil {
		return "", nil, err
	}
	probe.Close()
	os.Remove(probe.Name())
	key, err = readAccountKey(filepath.Join(folder, accountKey))
	return folder, key, err
}

func readAccountKey(file string) (crypto.Signer, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return makeAccountKey(file)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s is no PEM: remove it and an account will be made anew", file)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	signer, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s holds no ECDSA key", file)
	}
	return signer, nil
}

func makeAccountKey(file string) (crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	text, err := keyPEM(key)
	if err != nil {
		return nil, err
	}
	return key, replace(file, text)
}

func keyPEM(key crypto.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// replace writes a file that only its owner can read, whole or not at all.
func replace(file string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".new") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// use keeps a certificate with its key, and gives it to whoever asks from now on. One that can't be kept is used all the same.
func (a *Account) use(domain string, c *tls.Certificate) error {
	a.mu.Lock()
	a.current[domain] = c
	a.mu.Unlock()
	text, err := keyPEM(c.PrivateKey)
	if err != nil {
		return err
	}
	b := bytes.NewBuffer(text)
	for _, der := range c.Certificate {
		pem.Encode(b, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	if err := replace(a.file(domain), b.Bytes()); err != nil {
		a.log.Error("acme: a certificate can't be kept and will be ordered again after a restart", "domain", domain, "err", err)
	}
	return nil
}

func (a *Account) file(domain string) string { return filepath.Join(a.folder, domain+".pem") }

// kept is the certificate that an earlier run has left, if it is good.
func (a *Account) kept(domain string) *tls.Certificate {
	text, err := os.ReadFile(a.file(domain))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var c tls.Certificate
	if err == nil {
		c, err = tls.X509KeyPair(text, text)
	}
	if err == nil {
		err = usable(c.Leaf, domain)
	}
	if err != nil {
		a.log.Warn("acme: the kept certificate is no good and is ordered anew", "file", a.file(domain), "err", err)
		return nil
	}
	return &c
}

// trust makes a client accept what the roots in a file have signed, instead of the system's; no file changes nothing.
func trust(transport *http.Transport, file string) error {
	if file == "" {
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return fmt.Errorf("%s holds no certificate (PEM)", file)
	}
	transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	return nil
}
