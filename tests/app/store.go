package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "github.com/mattn/go-sqlite3"
)

// migrations take a database from schema n to n+1. Append only: what has run
// on a server once is never edited. Each must leave the releases before it
// working, because a rollback puts old code on a new schema.
var migrations = []string{
	`CREATE TABLE visits (
		page  TEXT PRIMARY KEY,
		count INTEGER NOT NULL
	)`,
	`CREATE TABLE entries (
		id      INTEGER PRIMARY KEY,
		name    TEXT NOT NULL,
		message TEXT NOT NULL,
		written TEXT NOT NULL DEFAULT (datetime('now'))
	)`,
}

// Store is the database.
type Store struct {
	db *sql.DB
}

// Entry is what one visitor wrote.
type Entry struct {
	Name, Message string
	Written       time.Time
}

func openStore(path string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	// Write-ahead log and patience: the old release may still be finishing a
	// request while the new one migrates.
	file := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
	file.RawQuery = "_journal_mode=WAL&_busy_timeout=5000&_txlock=immediate"
	db, err := sql.Open("sqlite3", file.String())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := db.Ping(); err != nil {
		db.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &Store{db}, nil
}

func (s *Store) Close() error {
	return s.db.Close()
}

// Migrate runs the migrations that the database has not seen yet, all or none.
// It returns the schema from before and after.
func (s *Store) Migrate() (from, to int, err error) {
	tx, err := s.db.Begin() // takes the write lock: two of these can't mix
	if err != nil {
		return 0, 0, err
	}
	defer tx.Rollback()

	if err := tx.QueryRow(`PRAGMA user_version`).Scan(&from); err != nil {
		return 0, 0, err
	}
	to = from
	for to < len(migrations) {
		if _, err := tx.Exec(migrations[to]); err != nil {
			return from, from, fmt.Errorf("migration %d: %w", to+1, err)
		}
		to++
	}
	if _, err := tx.Exec(fmt.Sprintf(`PRAGMA user_version = %d`, to)); err != nil {
		return from, from, err
	}
	return from, to, tx.Commit()
}

// Ready makes sure that the schema is new enough. An empty database is set up
// on the spot; one that holds data is only ever changed by `server migrate`.
func (s *Store) Ready() error {
	var schema int
	if err := s.db.QueryRow(`PRAGMA user_version`).Scan(&schema); err != nil {
		return err
	}
	switch {
	case schema == 0:
		_, _, err := s.Migrate()
		return err
	case schema < len(migrations):
		return fmt.Errorf("the database has schema %d, this version needs %d: run `server migrate`",
			schema, len(migrations))
	default:
		return nil // a newer schema is fine: that is what a rollback meets
	}
}

// Visit counts one visit to the page and returns how many there were.
func (s *Store) Visit(ctx context.Context, page string) (count int, err error) {
	err = s.db.QueryRowContext(ctx, `
		INSERT INTO visits (page, count) VALUES (?, 1)
		ON CONFLICT (page) DO UPDATE SET count = count + 1
		RETURNING count`, page).Scan(&count)
	return count, err
}

// Sign adds an entry to the guest book.
func (s *Store) Sign(ctx context.Context, name, message string) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO entries (name, message) VALUES (?, ?)`, name, message)
	return err
}

// Entries returns the newest entries, newest first.
func (s *Store) Entries(ctx context.Context, limit int) ([]Entry, error) {
	rows, err := s.db.QueryContext(ctx, `
		SELECT name, message, written FROM entries ORDER BY id DESC LIMIT ?`, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()

	var entries []Entry
	for rows.Next() {
		var entry Entry
		var written string
		if err := rows.Scan(&entry.Name, &entry.Message, &written); err != nil {
			return nil, err
		}
		entry.Written, _ = time.Parse("2006-01-02 15:04:05", written)
		entries = append(entries, entry)
	}
	return entries, rows.Err()
}

// Check asks the database something that needs its tables.
func (s *Store) Check(ctx context.Context) error {
	var visits int
	return s.db.QueryRowContext(ctx, `SELECT count(*) FROM visits`).Scan(&visits)
}
