// Modules that a page brings along in place of those that are there, written in the ways of the vendor's documentation: a text as the
// template, pictures below the address that the widget hands over, `$` for what lies outside of the widget.
thumbSignIn.addModule('sms', {
  config: { smsContent: '', smsTitle: 'A link to your phone' },
  getElem: function (config, url) {
    return {
      elem: `<div class="tsmodal-footer"> <h5 class="title">${config.sms.smsTitle}</h5>
        <div class="row"> <input type="text" id="phone" placeholder="Number" maxlength="10"> <img class="send" src="${url}/pictures/send.png"/> </div>
        <div id="sms_result"></div> </div>`,
      style: '.row{display:flex} .row .send{padding:3px 6px;cursor:pointer}',
    };
  },
}, function (dom, config) {
  this.DOM.find('#module-wrapper').append(dom);
});
thumbSignIn.addModule('logo', {
  config: { appIcon: '/pictures/app.png', playStoreIcon: '/pictures/play.png', playStoreURL: 'https://play.example/app', appStoreIcon: '/pictures/store.png', appStoreURL: 'https://store.example/app' },
  getElem: function (config, url) {
    return {
      elem: `<div class="ts-logo-wrapper"> <b>No app yet? <span id="get_link_by_sms">Get it</span></b> <div style="display: flex;">
        <img src="${url}${config.logo.appIcon}" height="20px" width="20px"/>
        <a target="_blank" href="${config.logo.appStoreURL}"><img src="${url}${config.logo.appStoreIcon}" height="20px" style="padding-left:10px;"/></a>
        <a target="_blank" href="${config.logo.playStoreURL}"><img src="${url}${config.logo.playStoreIcon}" height="20px" style="padding-left:10px;"/></a>
        </div> </div>`,
      style: '.ts-logo-wrapper span{color:#123456}',
    };
  },
}, function (dom, config) {
  this.DOM.find('#module-wrapper').append(dom);
});
thumbSignIn.addModule('tsModal', {
  config: { modalTitle: 'Scan the code' },
  getElem: function (config, url) {
    return {
      elem: `<button id="tsModalBtn">Sign in</button>
        <div id="tsModal" class="modal"> <div class="frame"> <h4>${config.tsModal.modalTitle}</h4> <span class="close">&times;</span>
        <div class="modal-content-wrapper"></div> </div> </div>`,
      style: '#tsModal{display:none;position:fixed;z-index:1000;inset:0;background-color:rgba(0,0,0,.5)} .frame{width:400px;margin:60px auto;background-color:#fff} .close{cursor:pointer}',
    };
  },
}, function (dom, config) {
  var widget = this;
  $('body').append(dom);
  var modal = $('#tsModal');
  modal.find('.modal-content-wrapper').empty().append(this.DOM.detach());
  $('#tsModalBtn').click(function () { modal.show(); widget.open(); });
  $('#tsModal .close').click(function () { widget.close(); modal.hide(); });
  window.onclick = function (event) {
    if (event.target == modal[0]) { widget.close(); modal.hide(); }
  };
});
