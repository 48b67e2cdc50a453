# cmake -DFROM=DIR -DTO=FILE -P page.cmake: page.html with page.css and page.js put in, and a content
# security policy that lets exactly those two take effect, by their hashes.

# The base64 of a SHA-256 given in hexadecimal: 32 bytes, of which three make four characters.
function(base64_of_sha256 hex out)
  set(digits "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  set(text "")
  string(APPEND hex "00")
  foreach(at RANGE 0 60 6)
    string(SUBSTRING "${hex}" ${at} 6 part)
    foreach(shift 18 12 6 0)
      math(EXPR digit "(0x${part} >> ${shift}) & 63")
      string(SUBSTRING "${digits}" ${digit} 1 digit)
      string(APPEND text "${digit}")
    endforeach()
  endforeach()
  # The last byte was made up.
  string(REGEX REPLACE ".$" "=" text "${text}")
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

file(READ "${FROM}/page.html" page)
foreach(part css js)
  file(READ "${FROM}/page.${part}" text)
  string(SHA256 hex "${text}")
  base64_of_sha256("${hex}" hash)
  string(REPLACE "@HASH_${part}@" "sha256-${hash}" page "${page}")
  string(REPLACE "@${part}@" "${text}" page "${page}")
endforeach()
file(WRITE "${TO}" "${page}")
