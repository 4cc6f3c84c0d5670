package config

import "strings"

// longestTimestamp is how many characters coturn takes.
const longestTimestamp = 48

// timestampLetters may stand behind a % in the notation of strftime.
const timestampLetters = "aAbBcCdDeFfGgHhIjklLmMNnpPQrRsSTtuUVvwWxXyYZz%+"

// parseTimestamp reads how a time is written. A letter that means nothing would
// stand in every line of the log as it is.
func parseTimestamp(_ *Key, s string) (any, *fault) {
	if len(s) > longestTimestamp {
		return nil, faultf("write a shorter one such as %FT%T.%f%z", "the format has %d characters, and at most %d are possible", len(s), longestTimestamp)
	}
	for rest := s; ; {
		_, behind, found := strings.Cut(rest, "%")
		if !found {
			return s, nil
		}
		if behind == "" || !strings.Contains(timestampLetters, behind[:1]) {
			return nil, faultf("write %% for a percent sign", "%s in %s means nothing in a time", quote("%"+firstRune(behind)), quote(s))
		}
		rest = behind[1:]
	}
}

// firstRune is the first character of a text, or nothing.
func firstRune(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}

// facilities are syslog's, by the names that coturn has for them.
func facilities() []string {
	return []string{
		"LOG_AUTH", "LOG_AUTHPRIV", "LOG_CRON", "LOG_DAEMON", "LOG_FTP", "LOG_KERN", "LOG_LPR", "LOG_MAIL", "LOG_NEWS", "LOG_SYSLOG",
		"LOG_USER", "LOG_UUCP", "LOG_LOCAL0", "LOG_LOCAL1", "LOG_LOCAL2", "LOG_LOCAL3", "LOG_LOCAL4", "LOG_LOCAL5", "LOG_LOCAL6", "LOG_LOCAL7",
	}
}
