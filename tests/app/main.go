// Server is a small guest book: SQLite, templates rendered on the server,
// nothing fancy.
//
//	server            serve pages
//	server migrate    bring the database up to date, then exit
//
// It is meant to start in its release folder: the templates are read from
// ./views. SERVER_DB_PATH and SERVER_PORT say where the data lies and where to
// listen.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0) // journald writes the time

	var err error
	switch args := os.Args[1:]; {
	case len(args) == 0:
		err = serve()
	case len(args) == 1 && args[0] == "migrate":
		err = migrate()
	default:
		fmt.Fprintln(os.Stderr, "usage: server [migrate]")
		os.Exit(2)
	}
	if err != nil {
		log.Fatalf("server: %v", err)
	}
}

// migrate is run before a release goes live, as often as you like.
func migrate() error {
	store, err := openStore(dbPath())
	if err != nil {
		return err
	}
	defer store.Close()

	from, to, err := store.Migrate()
	if err != nil {
		return err
	}
	if from == to {
		log.Printf("%s: schema %d, nothing to do", dbPath(), to)
	} else {
		log.Printf("%s: schema %d -> %d", dbPath(), from, to)
	}
	return nil
}

// serve answers requests until SIGTERM or SIGINT, and lets those that are
// under way finish.
func serve() error {
	// Everything that can be wrong with a release should be found here, before
	// the first visitor finds it.
	pages, err := loadPages("views")
	if err != nil {
		return err
	}
	store, err := openStore(dbPath())
	if err != nil {
		return err
	}
	defer store.Close()
	if err := store.Ready(); err != nil {
		return err
	}

	stopping, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()

	listener, err := net.Listen("tcp", env("SERVER_PORT", ":3001"))
	if err != nil {
		return err
	}
	rev := revision()
	server := &http.Server{
		Handler:           routes(store, pages, rev),
		ReadHeaderTimeout: 10 * time.Second,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	log.Printf("version %s listens on %s", short(rev), listener.Addr())

	select {
	case err := <-failed:
		return err
	case <-stopping.Done():
	}
	log.Print("stopping")
	patience, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(patience); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// revision is the commit that this release was built from. The wrapper in
// bin/server (see flake.nix) says where it is written down, so that a commit
// that leaves the Go code alone need not compile it again.
func revision() string {
	text, err := os.ReadFile(filepath.Join(os.Getenv("SERVER_SHARE"), "revision"))
	if err != nil {
		return "dev"
	}
	return strings.TrimSpace(string(text))
}

// short is the form of a commit that people read.
func short(rev string) string {
	if len(rev) > 7 {
		return rev[:7]
	}
	return rev
}

func dbPath() string {
	return env("SERVER_DB_PATH", "data/server.db")
}

func env(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}
