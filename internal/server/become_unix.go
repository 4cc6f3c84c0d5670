//go:build unix

package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// process is whom a process may become.
type process struct {
	name     string
	uid, gid int
	groups   []int
}

// findProcess looks up proc-user and proc-group. What is empty stays as it is.
func findProcess(procUser, procGroup string) (process, error) {
	p := process{name: procUser, uid: os.Geteuid(), gid: os.Getegid()}
	if procUser != "" {
		if err := p.findUser(procUser); err != nil {
			return p, err
		}
	}
	if procGroup == "" {
		return p, nil
	}
	id := procGroup
	if g, err := user.LookupGroup(procGroup); err == nil {
		id = g.Gid
	}
	gid, err := strconv.Atoi(id)
	if err != nil || gid < 0 {
		return p, fmt.Errorf("proc-group: there is no group %q on this machine", procGroup)
	}
	p.gid, p.groups = gid, append(p.groups, gid)
	return p, nil
}

func (p *process) findUser(name string) error {
	u, err := user.Lookup(name)
	if err != nil {
		u, err = user.LookupId(name)
	}
	if err != nil {
		return fmt.Errorf("proc-user: there is no user %q on this machine", name)
	}
	uid, err := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	if err := errors.Join(err, err2); err != nil {
		return fmt.Errorf("proc-user: %q: %w", name, err)
	}
	p.uid, p.gid, p.groups = uid, gid, []int{gid}
	ids, err := u.GroupIds()
	if err != nil {
		return fmt.Errorf("proc-user: the groups of %q: %w", name, err)
	}
	for _, id := range ids {
		if n, err := strconv.Atoi(id); err == nil && !slices.Contains(p.groups, n) {
			p.groups = append(p.groups, n)
		}
	}
	return nil
}

// become gives up the rights of root, once all is open that needs them.
func (s *Server) become() error {
	c := s.cfg()
	if c.ProcUser == "" && c.ProcGroup == "" {
		return nil
	}
	p, err := findProcess(c.ProcUser, c.ProcGroup)
	if err != nil {
		return err
	}
	if p.uid == os.Geteuid() && p.gid == os.Getegid() {
		return nil // as whom a unit of systemd has started us
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("proc-user and proc-group: only root can become user %d and group %d; start this as root, or leave them out", p.uid, p.gid)
	}
	if err := s.handOver(p); err != nil {
		return err
	}
	if err := p.enter(); err != nil {
		return fmt.Errorf("proc-user and proc-group: %w", err)
	}
	s.log.Info("the rights of root were given up", "user", p.uid, "group", p.gid)
	s.warnOutOfReach()
	return nil
}

// becomeOwner makes root whom a directory belongs to. For others, and where the
// directory is root's or not there, it does nothing.
func becomeOwner(dir string) error {
	info, err := os.Stat(dir)
	if err != nil || os.Geteuid() != 0 {
		return nil
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Uid == 0 {
		return nil
	}
	p := process{uid: int(st.Uid), gid: int(st.Gid), groups: []int{int(st.Gid)}}
	if u, err := user.LookupId(strconv.Itoa(p.uid)); err == nil {
		if err := p.findUser(u.Username); err != nil {
			return err
		}
	}
	if err := p.enter(); err != nil {
		return fmt.Errorf("the data directory %s belongs to another user: %w", dir, err)
	}
	return nil
}

// enter changes the whole process, all its threads.
func (p process) enter() error {
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"groups", func() error { return syscall.Setgroups(p.groups) }},
		{"group", func() error { return syscall.Setgid(p.gid) }},
		{"user", func() error { return syscall.Setuid(p.uid) }},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("cannot change the %s of this process: %w", step.what, err)
		}
	}
	// Who could go back would not have given anything up.
	if p.uid != 0 && syscall.Setuid(0) == nil {
		return errors.New("this process could become root again")
	}
	return nil
}

// handOver gives what was made as root to the user who goes on with it: the data
// directory with all that is root's in it, the log, and the process number.
func (s *Server) handOver(p process) error {
	give := func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return p.own(path, info)
	}
	if k := s.access().kept; k != nil {
		if err := filepath.WalkDir(k.dir, give); err != nil {
			return fmt.Errorf("proc-user: cannot hand the data directory over: %w", err)
		}
	}
	files := []string{s.cfg().PIDFile}
	if s.outlet.logging().file != nil {
		files = append(files, s.outlet.logging().file.path)
	}
	for _, path := range files {
		info, err := os.Lstat(path)
		if path == "" || err != nil || !info.Mode().IsRegular() {
			continue // such as a log that goes to a device
		}
		if err := p.own(path, info); err != nil {
			return fmt.Errorf("proc-user: cannot hand %s over: %w", path, err)
		}
	}
	return nil
}

// own gives away what is root's alone. A second name for a file may lie anywhere
// and be anything, and who it is given to may have put it there.
func (p process) own(path string, info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Uid != 0 || info.Mode().IsRegular() && st.Nlink > 1 {
		return nil
	}
	return os.Lchown(path, p.uid, p.gid)
}

// warnOutOfReach tells what this user cannot use and a reload, or a later
// connection to the database, will need.
func (s *Server) warnOutOfReach() {
	c := s.cfg()
	read := append(slices.Clone(c.CertFiles), c.KeyFiles...)
	for _, path := range slices.Compact(append(read, s.o.ConfigFile, c.SignalingJWKS, c.ACMECARoot)) {
		if path != "" && unix.Access(path, unix.R_OK) != nil {
			s.log.Warn("a reload can no longer read this file; give the group of proc-user the right to (chgrp, chmod g+r), or restart instead of reloading", "file", path)
		}
	}
	write := map[string]string{"log-file": "", "userdb": c.Database}
	if s.outlet.logging().file != nil {
		write["log-file"] = s.outlet.logging().file.path
	}
	for key, path := range write {
		if path != "" && unix.Access(path, unix.R_OK|unix.W_OK) != nil {
			s.log.Warn("proc-user may not write to this file: give it to that user (chown)", "key", key, "file", path)
		}
	}
}
