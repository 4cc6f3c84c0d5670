package doctor

import "golang.org/x/sys/unix"

// kernelFeatures tries each on a UDP socket that nobody is sent anything by.
func kernelFeatures() []feature {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	const segment = 1200 // any size will do
	try := func(level, option, value int) bool { return unix.SetsockoptInt(fd, level, option, value) == nil }
	return []feature{
		{"UDP GSO", try(unix.IPPROTO_UDP, unix.UDP_SEGMENT, segment), "each packet costs a way through the kernel of its own"},
		{"UDP GRO", try(unix.IPPROTO_UDP, unix.UDP_GRO, 1), "so does each that comes in"},
		{"SO_REUSEPORT", try(unix.SOL_SOCKET, unix.SO_REUSEPORT, 1), "one thread reads for all"},
	}
}
